using System.Collections;
using System.Management.Automation;
using System.Reflection;
using SdPowerShell.Commands;
using SdPowerShell.Errors;
using SdPowerShell.Parameters;
using StableDiffusion;
using StableDiffusion.Comparison;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Settings;

namespace SdPowerShell.Assertions;

/// <summary>The operators that Register-DiffusionAssertion adds to Pester's Should. What cannot be tested does not succeed, with <c>-Not</c> either.</summary>
public static class ShouldOperators
{
    // Parameters of the functions, as messages name them.
    private const string ActualValue = "ActualValue";
    private const string ExpectedImage = "ExpectedImage";

    /// <summary>
    /// Adds the operators. Pester makes parameters of Should of those of the functions, and takes a function of the same text that is
    /// already there for the same operator.
    /// </summary>
    internal const string Script = """
        param($AddShouldOperator, $Help)

        function Should-BeDiffusionImage($ActualValue, $ExpectedImage, $Psnr, $Ssim, [switch] $Negate, [string] $Because) {
            [SdPowerShell.Assertions.ShouldOperators]::BeDiffusionImage($ExecutionContext.SessionState, $ActualValue, $ExpectedImage, $Psnr, $Ssim, $Negate, $Because)
        }

        function Should-HaveDiffusionSetting($ActualValue, $ExpectedSetting, [switch] $Negate, [string] $Because) {
            [SdPowerShell.Assertions.ShouldOperators]::HaveDiffusionSetting($ExecutionContext.SessionState, $ActualValue, $ExpectedSetting, $Negate, $Because)
        }

        & $AddShouldOperator -Name BeDiffusionImage -InternalName $Help -Test ${function:Should-BeDiffusionImage}
        & $AddShouldOperator -Name HaveDiffusionSetting -InternalName $Help -Test ${function:Should-HaveDiffusionSetting}
        """;

    /// <summary>Tests whether an image is the expected one.</summary>
    /// <param name="session">The session whose paths are used.</param>
    /// <param name="actual">The image: a path, a file, or an image in memory.</param>
    /// <param name="expected">The expected image in the same forms. A file is written in the update mode.</param>
    /// <param name="psnr">The lowest peak signal-to-noise ratio in decibels; null for any.</param>
    /// <param name="ssim">The lowest structural similarity; null for any. Without either, the pixels must be equal.</param>
    /// <param name="negate">Whether the image must be another one.</param>
    /// <param name="because">The reason of the test, for the message.</param>
    /// <returns>The result.</returns>
    public static AssertionResult BeDiffusionImage(SessionState session, object? actual, object? expected, double? psnr, double? ssim, bool negate, string? because) => Guard(() =>
    {
        DiffusionImage image = InputOf(ActualValue, actual).Read(ActualValue, path => ImageFile.ReadWithSettings(PathHelper.ResolveOutput(session, path)), static made => made);
        if (psnr is < 0 or double.NaN)
            throw new InvalidSettingException("Psnr", FormattableString.Invariant($"Psnr is {psnr}, but must be 0 decibels or more, such as 40."));
        if (ssim is < -1 or > 1 or double.NaN)
            throw new InvalidSettingException("Ssim", FormattableString.Invariant($"Ssim is {ssim}, but must be at most 1, which means equal, such as 0.98."));
        ImageAssertion assertion = new(new ImageTolerance(psnr, ssim), negate, because);
        return InputOf(ExpectedImage, expected).Read(ExpectedImage, path => assertion.Test(image, PathHelper.ResolveOutput(session, path)), made => assertion.Test(image, made));
    });

    /// <summary>Tests whether an image was made with the expected settings.</summary>
    /// <param name="session">The session whose paths are used.</param>
    /// <param name="actual">The image: a path, a file, or an object that records how it was made.</param>
    /// <param name="expected">A hashtable of settings.</param>
    /// <param name="negate">Whether one of the settings must differ.</param>
    /// <param name="because">The reason of the test, for the message.</param>
    /// <returns>The result.</returns>
    public static AssertionResult HaveDiffusionSetting(SessionState session, object? actual, object? expected, bool negate, string? because) => Guard(() =>
    {
        if (Cell.Unwrap(expected) is not IDictionary { Count: > 0 } settings)
            return new AssertionResult(Succeeded: false, "The expected settings are missing. Give them as a hashtable, such as @{ Steps = 20 }.");

        KeyValuePair<string, object?>[] wanted = [.. settings.Keys.Cast<object>().Select(name => KeyValuePair.Create(NameOf($"{name}"), Cell.UnwrapAll(settings[name]))).OrderBy(static setting => setting.Key, StringComparer.OrdinalIgnoreCase)];
        IReadOnlyList<SettingDifference> unmet = RecordComparison.Unmet(ReadSettings(session, actual), wanted);
        string names = string.Join(", ", wanted.Select(static setting => setting.Key));
        string message = negate
            ? $"Expected other settings{Because(because)}, but {names} {(wanted.Length == 1 ? "has the given value" : "have the given values")}."
            : $"Expected the settings {names}{Because(because)}, but these differ (expected, actual): {string.Join(", ", unmet)}.";
        return new AssertionResult(negate == unmet.Count > 0, message);
    });

    /// <summary>The reason of a test as a part of a sentence.</summary>
    internal static string Because(string? because)
    {
        const string Word = "because ";
        string? reason = because?.Trim();
        return string.IsNullOrEmpty(reason) ? string.Empty : $", {(reason.StartsWith(Word, StringComparison.OrdinalIgnoreCase) ? string.Empty : Word)}{reason}";
    }

    /// <summary>The setting that a name stands for: its own, or another that New-DiffusionImage knows, such as <c>CfgScale</c>.</summary>
    private static string NameOf(string name) => typeof(NewDiffusionImageCommand).GetProperties()
        .FirstOrDefault(property => property.GetCustomAttribute<AliasAttribute>()?.AliasNames.Contains(name, StringComparer.OrdinalIgnoreCase) == true)?.Name ?? name;

    private static AssertionResult Guard(Func<AssertionResult> test)
    {
        try
        {
            return test();
        }
        catch (Exception error) when (error is DiffusionException or RecordException)
        {
            return new AssertionResult(Succeeded: false, error.Message);
        }
    }

    private static GenerationInfo ReadSettings(SessionState session, object? given) => Cell.Unwrap(given) switch
    {
        GeneratedObject made => made.FullInfo,
        GenerationInfo info => info,
        _ => InputOf(ActualValue, given).Read(ActualValue, path => MetadataReader.Read(PathHelper.ResolveOutput(session, path)).FullInfo, static made => made.FullInfo),
    };

    private static ImageInput InputOf(string name, object? given) => new ImageAttribute().Transform(null!, given!) as ImageInput
        ?? throw new InvalidSettingException(name, $"{name} is missing. Give an image, or the path of a file.");
}
