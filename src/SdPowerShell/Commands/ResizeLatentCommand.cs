using System.Management.Automation;
using SdPowerShell.Completion;
using SdPowerShell.Parameters;
using SdPowerShell.Serialization;
using StableDiffusion.Denoising;
using StableDiffusion.Settings;

namespace SdPowerShell.Commands;

/// <summary>Resizes latents.</summary>
[Cmdlet(VerbsCommon.Resize, "Latent", DefaultParameterSetName = ScaleSet)]
[OutputType(typeof(Latent))]
public sealed class ResizeLatentCommand : DiffusionCmdlet
{
    private const string ScaleSet = "Scale";
    private const string SizeSet = "Size";

    /// <summary>The latents, denoised to the end or encoded from images.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true)]
    [Alias("InputObject")]
    [Restored<Latent>]
    public Latent[] Latent { get; set; } = [];

    /// <summary>The factor that both sides are multiplied by.</summary>
    [Parameter(Mandatory = true, ParameterSetName = ScaleSet)]
    [Number<double>]
    public Number<double>? Scale { get; set; }

    /// <summary>The new width of the image in pixels, a multiple of 8.</summary>
    [Parameter(Mandatory = true, ParameterSetName = SizeSet)]
    [Number<int>]
    public Number<int>? Width { get; set; }

    /// <summary>The new height of the image in pixels, a multiple of 8.</summary>
    [Parameter(Mandatory = true, ParameterSetName = SizeSet)]
    [Number<int>]
    public Number<int>? Height { get; set; }

    /// <summary>How a size of another aspect ratio is made: Stretch or Crop.</summary>
    [Parameter(ParameterSetName = SizeSet)]
    [ValidateSet(nameof(StableDiffusion.Settings.ResizeMode.Stretch), nameof(StableDiffusion.Settings.ResizeMode.Crop))]
    public string ResizeMode { get; set; } = nameof(StableDiffusion.Settings.ResizeMode.Stretch);

    /// <summary>How the values between those of the latent are found.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(EnumCompleter<LatentResizeMode>))]
    public string Mode { get; set; } = nameof(LatentResizeMode.Bilinear);

    /// <summary>Lets every cell count that a new one covers.</summary>
    [Parameter]
    public SwitchParameter Antialias { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord() => ForEach(Latent, latent => WriteObject(Resize(latent)));

    private Latent Resize(Latent latent)
    {
        LatentResizeMode mode = EnumSetting.Parse(nameof(Mode), Mode, LatentResizeMode.Bilinear);
        return Number.Read(Scale) is double scale
            ? LatentResize.Scale(latent, scale, mode, Antialias)
            : LatentResize.Resize(latent, Number.Read(Width)!.Value, Number.Read(Height)!.Value, mode, Antialias, Enum.Parse<ResizeMode>(ResizeMode, ignoreCase: true));
    }
}
