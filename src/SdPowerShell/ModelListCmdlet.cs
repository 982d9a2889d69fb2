using System.Management.Automation;
using SdPowerShell.Completion;
using SdPowerShell.Parameters;
using StableDiffusion.Library;
using StableDiffusion.Running;

namespace SdPowerShell;

/// <summary>Base of the cmdlets that take any models by name.</summary>
public abstract class ModelListCmdlet : DiffusionCmdlet
{
    /// <summary>The names of the models, or the paths of their folders or checkpoint files; wildcards are allowed in names.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(ModelCompleter))]
    [Model(TakesObjects = true)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    public string[] Name { get; set; } = [NameMatcher.All];

    /// <inheritdoc/>
    /// <remarks>Each record names other models, so a missing one does not affect the next record.</remarks>
    protected override bool EndsPipeline(Exception error) => false;

    /// <inheritdoc/>
    protected sealed override void ProcessRecord() =>
        NameMatcher.ForEach(this, Name, () => ModelLibrary.Default.Models.List(CancellationToken), model => [model.Name], name => Find(ResolveModel(name)), Process);

    /// <summary>Finds a model by its name, or its full path.</summary>
    private protected virtual ModelInfo Find(string? nameOrPath) => ModelLibrary.Default.Models.Find(nameOrPath, CancellationToken);

    /// <summary>Does the work for one model.</summary>
    /// <param name="model">The model.</param>
    private protected abstract void Process(ModelInfo model);
}
