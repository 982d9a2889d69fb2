using StableDiffusion.Networks.Configs;
using StableDiffusion.Settings;

namespace StableDiffusion.Denoising;

/// <summary>The numbers that SDXL's U-Net takes besides prompt and timestep, in the order of diffusers' pipelines.</summary>
internal static class TimeIds
{
    /// <summary>The numbers.</summary>
    /// <param name="pipeline">The model's index.</param>
    /// <param name="info">What makes the picture.</param>
    /// <param name="isNegative">Whether they go with the negative prompt.</param>
    /// <returns>
    /// Original height and width, top and left of the crop, and target height and width, or for the refiner the score;
    /// none for models that are not SDXL.
    /// </returns>
    public static float[] Of(PipelineConfig pipeline, GenerationInfo info, bool isNegative)
    {
        if (!pipeline.IsLarge)
            return [];

        MicroConditioning given = info.MicroConditioning ?? new();
        float height = given.OriginalHeight ?? info.Height!.Value;
        float width = given.OriginalWidth ?? info.Width!.Value;
        float top = given.CropTop ?? 0;
        float left = given.CropLeft ?? 0;
        if (!pipeline.TakesAestheticScore)
            return [height, width, top, left, given.TargetHeight ?? info.Height!.Value, given.TargetWidth ?? info.Width!.Value];

        // diffusers crops the refiner's negative prompt apart, and that not at all unless it is told.
        return isNegative
            ? [height, width, 0, 0, (float)(given.NegativeAestheticScore ?? MicroConditioning.DefaultNegativeAestheticScore)]
            : [height, width, top, left, (float)(given.AestheticScore ?? MicroConditioning.DefaultAestheticScore)];
    }
}
