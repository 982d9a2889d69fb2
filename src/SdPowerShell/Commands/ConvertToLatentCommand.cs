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
[Cmdlet(VerbsData.ConvertTo, "Latent", DefaultParameterSetName = FileCmdlet.PathSet)]
[OutputType(typeof(Latent))]
public sealed class ConvertToLatentCommand : ModelCmdlet
{
    private string[] _paths = [];
    private bool _isLiteral;

    /// <summary>The image files; wildcards are allowed.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = FileCmdlet.PathSet, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    public string[] Path { get => _paths; set => (_paths, _isLiteral) = (value, false); }

    /// <summary>The image files; wildcard characters are taken literally.</summary>
    [Parameter(Mandatory = true, ParameterSetName = FileCmdlet.LiteralPathSet, ValueFromPipelineByPropertyName = true)]
    [Alias("PSPath", "LP")]
    [ValidateNotNullOrEmpty]
    public string[] LiteralPath { get => _paths; set => (_paths, _isLiteral) = (value, true); }

    /// <summary>An image in memory.</summary>
    [Parameter(Mandatory = true, ParameterSetName = FileCmdlet.InputObjectSet, ValueFromPipeline = true)]
    public DiffusionImage? InputObject { get; set; }

    /// <summary>The width to resize the image to, in pixels, a multiple of 8; used with ResizeMode.</summary>
    [Parameter]
    public int? Width { get; set; }

    /// <summary>The height to resize the image to, in pixels, a multiple of 8; used with ResizeMode.</summary>
    [Parameter]
    public int? Height { get; set; }

    /// <summary>How the image is resized to Width and Height: Stretch, Crop or Pad. None does not resize it.</summary>
    [Parameter]
    [ValidateSet(nameof(StableDiffusion.Settings.ResizeMode.None), nameof(StableDiffusion.Settings.ResizeMode.Stretch), nameof(StableDiffusion.Settings.ResizeMode.Crop), nameof(StableDiffusion.Settings.ResizeMode.Pad))]
    public string ResizeMode { get; set; } = nameof(StableDiffusion.Settings.ResizeMode.None);

    /// <summary>Samples the latent with this seed, as image-to-image does; the default is the mean of the distribution.</summary>
    [Parameter]
    public long? Seed { get; set; }

    /// <summary>The random number generator that the seed is for: TorchCpu or Cuda.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(EnumCompleter<RandomSource>))]
    public string? RandomSource { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (ParameterSetName == FileCmdlet.InputObjectSet)
        {
            ProcessOne(InputObject, () => WriteObject(Encode(InputObject!)));
            return;
        }

        foreach (string file in PathHelper.ResolveInput(this, _paths, _isLiteral))
            ProcessOne(file, () => WriteObject(Encode(Timed($"Reading '{file}'", () => ImageFile.Load(file, CancellationToken)))));
    }

    private Latent Encode(DiffusionImage image)
    {
        RandomSource source = EnumSetting.Parse(nameof(RandomSource), RandomSource, StableDiffusion.Noise.RandomSource.TorchCpu);
        StartImage resized = Inspect(pipeline => pipeline.FitImage(image, mask: null, Width ?? image.Width, Height ?? image.Height, Enum.Parse<ResizeMode>(ResizeMode, ignoreCase: true)), InputObject?.Model);
        return UsePipeline(pipeline => Timed("VAE encoder", () => pipeline.EncodeImage(resized, Seed, source, CancellationToken)), madeBy: InputObject?.Model);
    }
}
