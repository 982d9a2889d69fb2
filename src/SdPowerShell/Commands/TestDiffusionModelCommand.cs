using System.Management.Automation;
using StableDiffusion.Library;
using StableDiffusion.Running;

namespace SdPowerShell.Commands;

/// <summary>Tests whether models are intact and work.</summary>
[Cmdlet(VerbsDiagnostic.Test, "DiffusionModel")]
[OutputType(typeof(ModelTestReport))]
public sealed class TestDiffusionModelCommand : ModelListCmdlet
{
    /// <summary>Only checks the files, without running the model.</summary>
    [Parameter]
    public SwitchParameter SkipRun { get; set; }

    /// <inheritdoc/>
    /// <remarks>What is wrong with a model is in its report, not an error.</remarks>
    private protected override ModelInfo Find(string? nameOrPath) => ModelLibrary.Default.Models.FindAny(nameOrPath, CancellationToken);

    /// <inheritdoc/>
    private protected override void Process(ModelInfo model) => WriteObject(ModelLibrary.Default.Test(model, !SkipRun, CancellationToken));
}
