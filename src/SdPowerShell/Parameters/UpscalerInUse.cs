using StableDiffusion;
using StableDiffusion.Library;
using StableDiffusion.Onnx;
using StableDiffusion.Storage;
using StableDiffusion.Upscaling;

namespace SdPowerShell.Parameters;

/// <summary>The upscaler of a cmdlet, which stays open for the next image.</summary>
internal sealed class UpscalerInUse : IDisposable
{
    private (string NameOrPath, string Device) _key;
    private Upscaler? _opened;

    /// <summary>Opens an upscaler, unless it is open already; another one is closed.</summary>
    /// <param name="nameOrPath">Its name in the store, or its full path.</param>
    /// <param name="device">The device, by its name; empty for the best available one.</param>
    /// <param name="progress">Receives the progress.</param>
    /// <param name="cancellationToken">Cancels the opening.</param>
    /// <returns>The upscaler; it belongs to this object.</returns>
    public Upscaler Open(string nameOrPath, string device, Action<ProgressReport> progress, CancellationToken cancellationToken)
    {
        if (_opened is not null && _key == (nameOrPath, device))
            return _opened;

        Dispose();
        try
        {
            _opened = ModelLibrary.Default.OpenUpscaler(nameOrPath, Devices.Resolve(string.IsNullOrWhiteSpace(device) ? Device.Auto : device, out _), progress, cancellationToken);
        }
        catch (ModelInvalidException error)
        {
            throw new ModelInvalidException($"The upscaler cannot be used. {Sentence.Of(error)}", error);
        }

        _key = (nameOrPath, device);
        return _opened;
    }

    /// <summary>Closes the upscaler.</summary>
    public void Dispose()
    {
        _opened?.Dispose();
        _opened = null;
    }
}
