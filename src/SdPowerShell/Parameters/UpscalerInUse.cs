using StableDiffusion;
using StableDiffusion.Library;
using StableDiffusion.Onnx;
using StableDiffusion.Storage;
using StableDiffusion.Upscaling;

namespace SdPowerShell.Parameters;

/// <summary>The upscaler of a cmdlet, which stays open for the next image.</summary>
internal sealed class UpscalerInUse() : NetworkInUse<Upscaler>(Open)
{
    private static Upscaler Open(string nameOrPath, Device device, Action<ProgressReport> progress, CancellationToken cancellationToken)
    {
        try
        {
            return ModelLibrary.Default.OpenUpscaler(nameOrPath, device, progress, cancellationToken);
        }
        catch (ModelInvalidException error)
        {
            throw new ModelInvalidException($"The upscaler cannot be used. {Sentence.Of(error)}", error);
        }
    }
}
