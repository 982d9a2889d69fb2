using System.Management.Automation;
using SdPowerShell.Completion;
using StableDiffusion.Library;
using StableDiffusion.Running;

namespace SdPowerShell.Commands;

/// <summary>Finds out whether models are whole and work.</summary>
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

    /// <summary>Only compares the files with their hashes, and runs nothing.</summary>
    [Parameter]
    public SwitchParameter SkipRun { get; set; }

    /// <inheritdoc/>
    /// <remarks>Each record names other models, so one that is missing says nothing of the next.</remarks>
    protected override bool EndsPipeline(Exception error) => false;

    /// <inheritdoc/>
    protected override void ProcessRecord() =>
        WithMatches(Name, ModelLibrary.Default.Models.List(), model => [model.Name], name => ModelLibrary.Default.Models.Find(ResolveModel(name)), Test);

    private void Test(ModelInfo model)
    {
        ModelTestReport report = ModelLibrary.Default.Test(model, !SkipRun, CancellationToken);
        WriteObject(report);
    }
}
