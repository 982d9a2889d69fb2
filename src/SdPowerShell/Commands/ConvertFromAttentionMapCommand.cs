using System.Management.Automation;
using SdPowerShell.Parameters;
using StableDiffusion.Denoising.CrossAttention;
using StableDiffusion.Images;
using StableDiffusion.Metadata;

namespace SdPowerShell.Commands;

/// <summary>Draws attention maps as images, alone or over the image that they belong to.</summary>
[Cmdlet(VerbsData.ConvertFrom, "AttentionMap")]
[OutputType(typeof(DiffusionImage))]
public sealed class ConvertFromAttentionMapCommand : DiffusionCmdlet
{
    private DiffusionImage? _image;

    /// <summary>The maps, from Get-AttentionMap.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true)]
    [Alias("InputObject")]
    public AttentionMap[] Map { get; set; } = [];

    /// <summary>The image that the maps are laid over: a path, a file, or an image in memory.</summary>
    [Parameter(Position = 1)]
    [Image]
    public ImageInput? Image { get; set; }

    /// <summary>How much a map covers of the image below it, 0 to 1.</summary>
    [Parameter]
    [Number<double>]
    public Number<double>? Opacity { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (AttentionMap map in Map)
            ProcessOne(map, () => WriteObject(map.ToImage(Read(), Number.Read(Opacity) ?? AttentionMap.DefaultOpacity)));
    }

    private DiffusionImage? Read() => Image is null
        ? null
        : _image ??= Image.Read(nameof(Image), path => ImageFile.ReadWithSettings(ResolveFile(path), CancellationToken), static made => made);
}
