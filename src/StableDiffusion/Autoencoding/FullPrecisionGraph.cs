using StableDiffusion.Onnx;

namespace StableDiffusion.Autoencoding;

/// <summary>The graph of a half-precision model that computes in full precision, opened when half precision first overflows.</summary>
/// <param name="open">Opens it.</param>
internal sealed class FullPrecisionGraph(Func<OnnxSession> open) : IDisposable
{
    private readonly Lock _lock = new();
    private OnnxSession? _session;
    private bool _isDisposed;

    /// <summary>The open graph.</summary>
    public OnnxSession Session
    {
        get
        {
            lock (_lock)
            {
                ObjectDisposedException.ThrowIf(_isDisposed, this);
                return _session ??= open();
            }
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _isDisposed = true;
            _session?.Dispose();
        }
    }
}
