using System.Management.Automation;

namespace SdPowerShell.Assertions;

/// <summary>The operators that Register-DiffusionAssertion adds to Pester's Should.</summary>
public static class ShouldOperators
{
    /// <summary>
    /// Adds the operators. Pester makes parameters of Should of those of the functions, and takes a function of the same text that is
    /// already there for the same operator.
    /// </summary>
    internal const string Script = """
        param($AddShouldOperator, $Help)

        function Should-BeDiffusionImage($ActualValue, $ExpectedImage, $Psnr, $Ssim, [switch] $Negate, [string] $Because) {
            & ([SdPowerShell.Assertions.ShouldOperators]::BeDiffusionImage) @PSBoundParameters
        }

        function Should-HaveDiffusionSetting($ActualValue, $ExpectedSetting, [switch] $Negate, [string] $Because) {
            & ([SdPowerShell.Assertions.ShouldOperators]::HaveDiffusionSetting) @PSBoundParameters
        }

        & $AddShouldOperator -Name BeDiffusionImage -InternalName $Help -Test ${function:Should-BeDiffusionImage}
        & $AddShouldOperator -Name HaveDiffusionSetting -InternalName $Help -Test ${function:Should-HaveDiffusionSetting}
        """;

    /// <summary>Runs <see cref="BeDiffusionImageOperator"/>.</summary>
    public static CmdletInfo BeDiffusionImage { get; } = new("Test-BeDiffusionImage", typeof(BeDiffusionImageOperator));

    /// <summary>Runs <see cref="HaveDiffusionSettingOperator"/>.</summary>
    public static CmdletInfo HaveDiffusionSetting { get; } = new("Test-HaveDiffusionSetting", typeof(HaveDiffusionSettingOperator));
}
