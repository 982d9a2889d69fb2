using StableDiffusion.Onnx;

namespace StableDiffusion.Autoencoding;

/// <summary>The full-precision graph of a half-precision model, opened when half precision overflows for the first time.</summary>
/// <param name="open">Opens the graph.</param>
internal sealed class FullPrecisionGraph(Func<OnnxSession> open) : IDisposable
{
    private readonly Lock _lock = new();
    private OnnxSession? _session;
    private bool _isDisposed;

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
