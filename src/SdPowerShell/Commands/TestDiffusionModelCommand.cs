using System.Management.Automation;
using SdPowerShell.Completion;
using StableDiffusion.Library;
using StableDiffusion.Running;

namespace SdPowerShell.Commands;

/// <summary>Tests whether models are intact and work.</summary>
[Cmdlet(VerbsDiagnostic.Test, "DiffusionModel")]
[OutputType(typeof(ModelTestReport))]
public sealed class TestDiffusionModelCommand : NamedListCmdlet
{
    /// <summary>The names of the models, or the paths of their folders or checkpoint files; wildcards are allowed in names.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(ModelCompleter))]
    [Model(TakesObjects = true)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    public string[] Name { get; set; } = [AllNames];

    /// <summary>Only compares the files with their hashes, without running the model.</summary>
    [Parameter]
    public SwitchParameter SkipRun { get; set; }

    /// <inheritdoc/>
    /// <remarks>Each record names other models, so a missing one does not affect the next record.</remarks>
    protected override bool EndsPipeline(Exception error) => false;

    /// <inheritdoc/>
    protected override void ProcessRecord() =>
        WithMatches(Name, ModelStore.List(), model => [model.Name], name => ModelStore.Find(ResolveModel(name)), Test);

    private void Test(ModelInfo model)
    {
        ModelTestReport report = ModelVerifier.Run(model, !SkipRun, CancellationToken);
        WriteObject(report);
    }
}
