using StableDiffusion.Images;
using StableDiffusion.Pipelines;
using StableDiffusion.Settings;

namespace StableDiffusion.Replaying;

/// <summary>Compares the images that an image is to be made from again with those that its record tells of.</summary>
public static class RecordedImages
{
    /// <summary>Finds the images whose pixels are not the recorded ones.</summary>
    /// <param name="recorded">The recorded stages.</param>
    /// <param name="start">The image to start from, before it is resized; null if none was given.</param>
    /// <param name="mask">Its mask, before it is resized; null if none was given.</param>
    /// <param name="controls">The control images.</param>
    /// <returns>A warning for each. An image that the record has none for is none of them.</returns>
    public static IEnumerable<string> FindOthers(OneImage recorded, DiffusionImage? start, MaskImage? mask, IReadOnlyList<ControlOptions> controls)
    {
        ArgumentNullException.ThrowIfNull(recorded);
        ArgumentNullException.ThrowIfNull(controls);
        IReadOnlyList<StageList> nets = recorded.Denoising.Inputs.GetValueOrDefault("ControlImage", []);
        return ((string?[])
        [
            start is null ? null : Compare("image to start from", start.Origin(), recorded.Start),
            mask is null || recorded.Mask is null ? null : Compare("mask", mask.Origin(), recorded.Mask),
            .. controls.Zip(nets, static (control, net) => Compare("control image", control.Image.Origin(), net)),
        ]).OfType<string>();
    }

    private static string? Compare(string what, StageList given, StageList recorded) => recorded.Output is null || given.Output == recorded.Output
        ? null
        : $"The {what}{Named(given)} has other pixels than the one in the record{Named(recorded)}. The new image will be another one.";

    private static string Named(StageList stages) => stages.File is string file ? $" ('{PrintableText.Of(file)}')" : string.Empty;
}
