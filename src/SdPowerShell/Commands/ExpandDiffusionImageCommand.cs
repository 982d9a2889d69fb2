using System.Management.Automation;
using SdPowerShell.Completion;
using SdPowerShell.Parameters;
using StableDiffusion.Images;
using StableDiffusion.Images.Masks;
using StableDiffusion.Metadata;
using StableDiffusion.Settings;

namespace SdPowerShell.Commands;

/// <summary>Adds borders to images and makes the masks of them, so that New-DiffusionImage can paint the borders.</summary>
[Cmdlet(VerbsData.Expand, "DiffusionImage", DefaultParameterSetName = PathSet)]
[OutputType(typeof(ExpandedImage), typeof(DiffusionImage))]
public sealed class ExpandDiffusionImageCommand : ImageFileCmdlet
{
    // The models make images of such sides.
    private const int Unit = 8;

    /// <summary>The width of the border on the left in pixels.</summary>
    [Parameter]
    [WholeNumber]
    public int Left { get; set; }

    /// <summary>The height of the border at the top in pixels.</summary>
    [Parameter]
    [WholeNumber]
    public int Top { get; set; }

    /// <summary>The width of the border on the right in pixels.</summary>
    [Parameter]
    [WholeNumber]
    public int Right { get; set; }

    /// <summary>The height of the border at the bottom in pixels.</summary>
    [Parameter]
    [WholeNumber]
    public int Bottom { get; set; }

    /// <summary>What the borders are filled with: Blur, Mirror or Gray.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(EnumCompleter<ExpandFill>))]
    public string? Fill { get; set; }

    /// <summary>How far the mask fades into the image, in pixels.</summary>
    [Parameter]
    [WholeNumber]
    public int? Feather { get; set; }

    /// <summary>Writes only the image, or only the mask, in place of an object with both.</summary>
    [Parameter]
    [ValidateSet("Image", "Mask")]
    public string? Part { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord() =>
        ForEachImage(image => WriteObject(Expand(image.Read(ParameterSetName, file => ImageFile.Load(file, CancellationToken), static image => image))));

    private object Expand(DiffusionImage image)
    {
        ImageExpansion expansion = new()
        {
            Left = Left,
            Top = Top,
            Right = Right,
            Bottom = Bottom,
            Fill = EnumSetting.Parse(nameof(Fill), Fill, ExpandFill.Blur),
            Feather = Feather,
        };
        object result = Part?.ToUpperInvariant() switch
        {
            "IMAGE" => expansion.Expand(image),
            "MASK" => expansion.MaskOf(image),
            _ => new ExpandedImage(expansion.Expand(image), expansion.MaskOf(image)),
        };
        (long width, long height) = ((long)image.Width + Left + Right, (long)image.Height + Top + Bottom);
        if (Part is null && (width % Unit != 0 || height % Unit != 0))
            WriteWarning($"With its borders, the image has {width}x{height} pixels, and New-DiffusionImage cuts off what is more than a multiple of {Unit}, on both sides. Choose borders that make the sides multiples of {Unit}.");
        return result;
    }
}
