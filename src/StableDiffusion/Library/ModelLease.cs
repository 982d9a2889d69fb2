using StableDiffusion.Running;

namespace StableDiffusion.Library;

/// <summary>The right to use an open model until the lease is disposed, even if the cache is cleared in the meantime.</summary>
public sealed class ModelLease : IDisposable
{
    private readonly ModelPool _pool;
    private ModelPool.Entry? _entry;

    internal ModelLease(ModelPool pool, ModelPool.Entry entry)
    {
        _pool = pool;
        _entry = entry;
    }

    /// <summary>The open model.</summary>
    public DiffusionModel Model => (_entry ?? throw new ObjectDisposedException(nameof(ModelLease))).Model;

    /// <summary>Returns the model; it stays open for the next lease unless the cache was cleared.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _entry, null) is { } entry)
            _pool.Return(entry);
    }
}
