using System.Management.Automation;
using SdPowerShell.Completion;
using StableDiffusion.Library;
using StableDiffusion.Running;

namespace SdPowerShell.Commands;

/// <summary>Deletes models from the user's models.</summary>
[Cmdlet(VerbsCommon.Remove, "DiffusionModel", SupportsShouldProcess = true)]
public sealed class RemoveDiffusionModelCommand : NamedListCmdlet
{
    /// <summary>The names of the models; wildcards are allowed.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(StoredModelCompleter))]
    [Model(TakesObjects = true)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    public string[] Name { get; set; } = [];

    /// <inheritdoc/>
    /// <remarks>Each record names other models, so one that is missing says nothing of the next.</remarks>
    protected override bool EndsPipeline(Exception error) => false;

    /// <inheritdoc/>
    protected override void ProcessRecord() =>
        WithMatches(Name, ModelLibrary.Default.Models.List(), model => [model.Name], ModelLibrary.Default.Models.Find, Remove);

    private void Remove(ModelInfo model) => ProcessOne(model.Name, () =>
    {
        ModelLibrary.Default.Models.CheckRemovable(model.Name);
        if (ShouldProcess($"{model.Name} ({model.Path})", "Remove model"))
            ModelLibrary.Default.Models.Remove(model.Name);
    });
}
