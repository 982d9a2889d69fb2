using StableDiffusion.Library;
using StableDiffusion.Pipelines;

namespace SdPowerShell.Batches;

/// <summary>The models of a trial, each of which is looked up once for all rows.</summary>
internal sealed class PlannedModels : IDisposable
{
    private readonly Dictionary<(string? Model, string Device), ModelLease> _leases = [];
    private readonly Dictionary<string, bool> _built = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> _weights = new(StringComparer.Ordinal);

    /// <summary>The weights of models that were used beside those of the images, such as refiners: their full paths, and the bytes in memory.</summary>
    public IEnumerable<(string Path, long Bytes)> Weights => _weights.Select(static model => (model.Key, model.Value));

    /// <summary>The pipeline of a model.</summary>
    /// <param name="model">Its name or path; null for the model that ships with the module.</param>
    /// <param name="device">The name of the device.</param>
    /// <param name="open">Opens the model.</param>
    public DiffusionPipeline Find(string? model, string device, Func<ModelLease> open)
    {
        if (!_leases.TryGetValue((model, device), out ModelLease? lease))
            _leases.Add((model, device), lease = open());
        return new DiffusionPipeline(lease.Model);
    }

    /// <summary>Whether the graphs of a model are built.</summary>
    /// <param name="pipeline">The pipeline of the model.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    public bool IsBuilt(DiffusionPipeline pipeline, CancellationToken cancellationToken)
    {
        if (!_built.TryGetValue(pipeline.ModelPath, out bool isBuilt))
            _built.Add(pipeline.ModelPath, isBuilt = pipeline.IsBuilt(cancellationToken));
        return isBuilt;
    }

    /// <summary>Counts the weights of a model.</summary>
    /// <param name="pipeline">The pipeline of the model.</param>
    public void Use(DiffusionPipeline pipeline) => _weights[pipeline.ModelPath] = pipeline.WeightBytes;

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (ModelLease lease in _leases.Values)
            lease.Dispose();
        _leases.Clear();
    }
}
