using StableDiffusion.Running;

namespace StableDiffusion.Library;

/// <summary>The right to use an open model until the lease is disposed, also if all models are closed meanwhile.</summary>
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

    /// <summary>Gives the model back; it stays open for the next lease unless all models were closed meanwhile.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _entry, null) is { } entry)
            _pool.Return(entry);
    }
}
