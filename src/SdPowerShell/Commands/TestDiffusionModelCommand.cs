using System.Management.Automation;
using StableDiffusion.Library;
using StableDiffusion.Running;

namespace SdPowerShell.Commands;

/// <summary>Finds out whether models are whole and work.</summary>
[Cmdlet(VerbsDiagnostic.Test, "DiffusionModel")]
[OutputType(typeof(ModelTestReport))]
public sealed class TestDiffusionModelCommand : ModelListCmdlet
{
    /// <summary>Only compares the files with their hashes, and runs nothing.</summary>
    [Parameter]
    public SwitchParameter SkipRun { get; set; }

    /// <inheritdoc/>
    private protected override void Process(ModelInfo model) => WriteObject(ModelVerifier.Run(model, !SkipRun, CancellationToken));
}
