using StableDiffusion.Library;
using StableDiffusion.Upscaling;

namespace SdPowerShell.Parameters;

/// <summary>The upscaler of a cmdlet, which stays open for the next image.</summary>
internal sealed class UpscalerInUse() : NetworkInUse<Upscaler>(ModelLibrary.Default.OpenUpscaler);
