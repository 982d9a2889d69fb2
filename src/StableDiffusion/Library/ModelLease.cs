using StableDiffusion.Running;

namespace StableDiffusion.Library;

/// <summary>The right to use an open model until the lease is disposed, also if the cache is emptied meanwhile.</summary>
public sealed class ModelLease : IDisposable
{
    private ModelCache.Entry? _entry;

    internal ModelLease(ModelCache.Entry entry) => _entry = entry;

    /// <summary>The open model.</summary>
    public DiffusionModel Model => (_entry ?? throw new ObjectDisposedException(nameof(ModelLease))).Model;

    /// <summary>Gives the model back; it stays open for the next lease unless the cache was emptied.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _entry, null) is { } entry)
            ModelCache.Return(entry);
    }
}
