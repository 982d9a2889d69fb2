using StableDiffusion.Families;
using StableDiffusion.Settings;

namespace StableDiffusion.Denoising;

/// <summary>The numbers that a model takes besides prompt and timestep, as SDXL does.</summary>
internal static class TimeIds
{
    /// <summary>The numbers.</summary>
    /// <param name="family">The model's family.</param>
    /// <param name="info">The settings of the image.</param>
    /// <param name="isNegative">Whether they go with the negative prompt.</param>
    /// <returns>The numbers in the order of diffusers' pipelines; none for models that take none.</returns>
    public static float[] Of(ModelFamily family, GenerationInfo info, bool isNegative) =>
        family.TimeIds(info.MicroConditioning ?? new(), info.Width!.Value, info.Height!.Value, isNegative);
}
