namespace StableDiffusion.Settings;

/// <summary>The operations of stages.</summary>
public static class StageOperation
{
    /// <summary>A prompt was encoded into an embedding.</summary>
    public const string EncodePrompt = "EncodePrompt";

    /// <summary>Embeddings were merged into one.</summary>
    public const string MergeEmbeddings = "MergeEmbeddings";

    /// <summary>An image was encoded into a latent.</summary>
    public const string EncodeImage = "EncodeImage";

    /// <summary>A latent was denoised: from noise, from a clean latent to which noise was added, or further from where it was stopped.</summary>
    public const string Denoise = "Denoise";

    /// <summary>A latent was decoded into an image.</summary>
    public const string Decode = "Decode";

    /// <summary>A latent was shown by the colors of its cells, a pixel for each, without being decoded.</summary>
    public const string Preview = "Preview";

    /// <summary>An image was read from a file.</summary>
    public const string ReadImage = "ReadImage";

    /// <summary>An image or a mask was resized.</summary>
    public const string Resize = "Resize";

    /// <summary>The clean latent was taken that the U-Net had predicted in the last step of a denoising.</summary>
    public const string PredictClean = "PredictClean";

    /// <summary>Noise was added to a clean latent.</summary>
    public const string AddNoise = "AddNoise";

    /// <summary>A latent was resized.</summary>
    public const string ResizeLatent = "ResizeLatent";

    /// <summary>Two latents were merged into one.</summary>
    public const string MergeLatents = "MergeLatents";

    /// <summary>An image was enlarged by a network or a filter.</summary>
    public const string Upscale = "Upscale";

    /// <summary>An image was made again tile by tile: each was encoded, denoised with noise of its own, and decoded.</summary>
    public const string RepaintTiles = "RepaintTiles";

    /// <summary>An image was converted to a mask.</summary>
    public const string ToMask = "ToMask";

    /// <summary>Black and white of a mask were exchanged.</summary>
    public const string InvertMask = "InvertMask";

    /// <summary>A mask was blurred.</summary>
    public const string BlurMask = "BlurMask";

    /// <summary>An image or a mask was cropped to the region around the white part of the mask.</summary>
    public const string CropToMask = "CropToMask";

    /// <summary>The masked part of an image was filled with the colors around it.</summary>
    public const string FillMask = "FillMask";

    /// <summary>The part of an image that a mask keeps was laid over an image that was made from it.</summary>
    public const string PasteBack = "PasteBack";

    /// <summary>The mask of a region was made, from the runs of its pixels.</summary>
    public const string RegionMask = "RegionMask";

    /// <summary>A region of an image was painted anew: cut out, encoded, denoised, decoded and pasted back.</summary>
    public const string Repair = "Repair";

    /// <summary>An image got borders.</summary>
    public const string Expand = "Expand";

    /// <summary>The mask of an image with borders was made, as an image.</summary>
    public const string ExpandMask = "ExpandMask";

    /// <summary>An image was preprocessed for a ControlNet.</summary>
    public const string Preprocess = "Preprocess";

    /// <summary>Images were joined into a sheet.</summary>
    public const string Join = "Join";

    /// <summary>Images became the frames of an animation, which is no image that can be repeated.</summary>
    public const string Animate = "Animate";

    /// <summary>The values come from elsewhere, or were changed by a script. It cannot be repeated.</summary>
    public const string Edit = "Edit";

    /// <summary>Whether an operation can be repeated.</summary>
    /// <param name="operation">The operation.</param>
    /// <returns>False for <see cref="Edit"/> and <see cref="Animate"/>, and for one that this version does not know.</returns>
    internal static bool IsRepeatable(string operation) => RunsModel(operation)
        || operation is MergeEmbeddings or MergeLatents or Preview or ReadImage or PredictClean or AddNoise or Resize or ResizeLatent or ToMask or InvertMask or BlurMask or CropToMask or FillMask or PasteBack or RegionMask or Expand or ExpandMask or Preprocess or Join;

    /// <summary>Whether an operation runs a model, so that its result depends on versions and on the device.</summary>
    /// <param name="operation">The operation.</param>
    internal static bool RunsModel(string operation) => operation is EncodePrompt or EncodeImage or Denoise or Decode or Upscale or RepaintTiles or Repair;
}
