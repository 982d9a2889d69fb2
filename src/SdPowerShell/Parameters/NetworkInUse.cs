using StableDiffusion.Onnx;
using StableDiffusion.Storage;

namespace SdPowerShell.Parameters;

/// <summary>Opens a network.</summary>
/// <typeparam name="T">The network.</typeparam>
/// <param name="nameOrPath">Its name in the store, or its full path.</param>
/// <param name="device">The device.</param>
/// <param name="progress">Receives the progress.</param>
/// <param name="cancellationToken">Cancels the opening.</param>
internal delegate T NetworkOpener<out T>(string nameOrPath, Device device, Action<ProgressReport> progress, CancellationToken cancellationToken);

/// <summary>The network of a cmdlet, which stays open for the next image.</summary>
/// <typeparam name="T">The network.</typeparam>
/// <param name="open">Opens it.</param>
internal class NetworkInUse<T>(NetworkOpener<T> open) : IDisposable
    where T : class, IDisposable
{
    private (string NameOrPath, string Device) _key;
    private T? _opened;

    /// <summary>Opens a network, unless it is open already; another one is closed.</summary>
    /// <param name="nameOrPath">Its name in the store, or its full path.</param>
    /// <param name="device">The device, by its name; empty for the best available one.</param>
    /// <param name="progress">Receives the progress.</param>
    /// <param name="cancellationToken">Cancels the opening.</param>
    /// <returns>The network; it belongs to this object.</returns>
    public T Open(string nameOrPath, string device, Action<ProgressReport> progress, CancellationToken cancellationToken)
    {
        if (_opened is not null && _key == (nameOrPath, device))
            return _opened;

        Dispose();
        _opened = open(nameOrPath, Devices.Resolve(string.IsNullOrWhiteSpace(device) ? Device.Auto : device, out _), progress, cancellationToken);
        _key = (nameOrPath, device);
        return _opened;
    }

    /// <summary>Closes the network.</summary>
    public void Dispose()
    {
        _opened?.Dispose();
        _opened = null;
    }
}
