using System.Management.Automation;
using SdPowerShell.Completion;
using StableDiffusion.Library;
using StableDiffusion.Running;

namespace SdPowerShell.Commands;

/// <summary>Lists the models that can be used by name.</summary>
[Cmdlet(VerbsCommon.Get, "DiffusionModel")]
[OutputType(typeof(ModelInfo))]
public sealed class GetDiffusionModelCommand : NamedListCmdlet
{
    /// <summary>The names to list; wildcards are allowed.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(ModelCompleter))]
    [Model(TakesObjects = true)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    public string[] Name { get; set; } = [AllNames];

    /// <inheritdoc/>
    /// <remarks>Each record asks for other models, so one that is missing says nothing of the next.</remarks>
    protected override bool EndsPipeline(Exception error) => false;

    /// <inheritdoc/>
    protected override void ProcessRecord() =>
        WriteMatches(Name, ModelLibrary.Default.Models.List(), model => [model.Name], name => ModelLibrary.Default.Models.Find(ResolveModel(name)));
}
