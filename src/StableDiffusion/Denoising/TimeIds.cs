using StableDiffusion.Families;
using StableDiffusion.Settings;

namespace StableDiffusion.Denoising;

/// <summary>The added conditioning of models such as SDXL: sizes in pixels, or an aesthetic score.</summary>
internal static class TimeIds
{
    /// <summary>Returns the time ids.</summary>
    /// <param name="family">The model's family.</param>
    /// <param name="info">The settings of the image.</param>
    /// <param name="isNegative">Whether they are for the negative prompt.</param>
    /// <returns>The values in the order of diffusers' pipelines; empty for models without them.</returns>
    public static float[] Of(ModelFamily family, GenerationInfo info, bool isNegative) =>
        family.TimeIds(info.MicroConditioning ?? new(), info.Width!.Value, info.Height!.Value, isNegative);
}
