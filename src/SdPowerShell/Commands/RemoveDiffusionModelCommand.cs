using System.Management.Automation;
using SdPowerShell.Completion;
using SdPowerShell.Parameters;
using StableDiffusion.Library;

namespace SdPowerShell.Commands;

/// <summary>Deletes models from the model store.</summary>
[Cmdlet(VerbsCommon.Remove, "DiffusionModel", SupportsShouldProcess = true)]
public sealed class RemoveDiffusionModelCommand : DiffusionCmdlet
{
    /// <summary>The names of the models; wildcards are allowed.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(StoredModelCompleter))]
    [Model(TakesObjects = true)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    public string[] Name { get; set; } = [];

    /// <inheritdoc/>
    /// <remarks>Each record names other models, so a missing one does not affect the next record.</remarks>
    protected override bool EndsPipeline(Exception error) => false;

    /// <inheritdoc/>
    protected override void ProcessRecord() =>
        NameMatcher.ForEach(this, Name, ModelLibrary.Default.Models.Stored, model => [model.Name], FindStored, Remove);

    private static (string Name, string Path) FindStored(string name)
    {
        ModelLibrary.Default.Models.CheckRemovable(name);
        return (name, name);
    }

    // Nothing of a model is read, so that a damaged one can be removed.
    private void Remove((string Name, string Path) model) => ProcessOne(model.Name, () =>
    {
        if (ShouldProcess($"{model.Name} ({model.Path})", "Remove model"))
            ModelLibrary.Default.Models.Remove(model.Name, CancellationToken);
    });
}
