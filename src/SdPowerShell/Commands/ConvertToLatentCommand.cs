using System.Management.Automation;
using SdPowerShell.Completion;
using SdPowerShell.Parameters;
using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Noise;
using StableDiffusion.Pipelines;
using StableDiffusion.Settings;

namespace SdPowerShell.Commands;

/// <summary>Encodes images into latents with a model's VAE encoder.</summary>
[Cmdlet(VerbsData.ConvertTo, "Latent", DefaultParameterSetName = ImageFileCmdlet.PathSet)]
[OutputType(typeof(Latent))]
public sealed class ConvertToLatentCommand : VaeCmdlet
{
    private ImageInput[] _images = [];

    /// <summary>The images: paths, in which wildcards are allowed, files, or image objects.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = ImageFileCmdlet.PathSet, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [Image(IsList = true, Columns = ImageFileCmdlet.ImageColumns)]
    public ImageInput[] Path { get => _images; set => _images = value; }

    /// <summary>The image files, whose paths are taken as they are written.</summary>
    [Parameter(Mandatory = true, ParameterSetName = ImageFileCmdlet.LiteralPathSet, ValueFromPipelineByPropertyName = true)]
    [Alias("PSPath", "LP")]
    [ValidateNotNullOrEmpty]
    [Image(IsList = true)]
    public ImageInput[] LiteralPath { get => _images; set => _images = value; }

    /// <summary>The images: image objects, files, or paths that are taken as they are written.</summary>
    [Parameter(Mandatory = true, ParameterSetName = ImageFileCmdlet.InputObjectSet, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Image")]
    [ValidateNotNullOrEmpty]
    [Image(IsList = true, Columns = ImageFileCmdlet.ImageColumns)]
    public ImageInput[] InputObject { get => _images; set => _images = value; }

    /// <summary>The width to resize the image to, in pixels, a multiple of 8; used with ResizeMode.</summary>
    [Parameter]
    [WholeNumber]
    public int? Width { get; set; }

    /// <summary>The height to resize the image to, in pixels, a multiple of 8; used with ResizeMode.</summary>
    [Parameter]
    [WholeNumber]
    public int? Height { get; set; }

    /// <summary>How the image is resized to Width and Height: Stretch, Crop, Pad or Fill. None does not resize it.</summary>
    [Parameter]
    [ValidateSet(nameof(StableDiffusion.Settings.ResizeMode.None), nameof(StableDiffusion.Settings.ResizeMode.Stretch), nameof(StableDiffusion.Settings.ResizeMode.Crop), nameof(StableDiffusion.Settings.ResizeMode.Pad), nameof(StableDiffusion.Settings.ResizeMode.Fill))]
    public string ResizeMode { get; set; } = nameof(StableDiffusion.Settings.ResizeMode.None);

    /// <summary>Samples the latent with this seed, as image-to-image does; -1 means a random one. The default is the mean of the distribution.</summary>
    [Parameter]
    public long? Seed { get; set; }

    /// <summary>The random number generator that the seed is for: TorchCpu or Cuda.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(EnumCompleter<RandomSource>))]
    public string? RandomSource { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (ImageInput image in ImageInput.Resolve(this, _images, hasWildcards: ParameterSetName == ImageFileCmdlet.PathSet))
            ProcessOne(image.Given, () => WriteObject(Encode(image.Read(ParameterSetName, Load, static image => image))));
    }

    private DiffusionImage Load(string file) => Timed($"Reading '{file}'", () => ImageFile.Load(file, CancellationToken));

    private Latent Encode(DiffusionImage image)
    {
        VaeOptions vae = CreateVaeOptions();
        RandomSource source = EnumSetting.Parse(nameof(RandomSource), RandomSource, StableDiffusion.Noise.RandomSource.TorchCpu);
        StartImage resized = Inspect(pipeline => pipeline.FitImage(image, mask: null, Width ?? image.Width, Height ?? image.Height, Enum.Parse<ResizeMode>(ResizeMode, ignoreCase: true)), image.Model);
        return UsePipeline(pipeline => Timed("VAE encoder", () => pipeline.EncodeImage(resized, Seed, source, vae, CancellationToken)), madeBy: image.Model);
    }
}
