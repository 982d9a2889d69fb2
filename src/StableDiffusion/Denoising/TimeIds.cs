using StableDiffusion.Networks.Configs;
using StableDiffusion.Settings;

namespace StableDiffusion.Denoising;

/// <summary>The numbers that SDXL's U-Net takes besides prompt and timestep, in the order of diffusers' pipelines.</summary>
internal static class TimeIds
{
    private const double AestheticScore = 6.0;
    private const double NegativeAestheticScore = 2.5;

    /// <summary>What is noted of it in the picture: all but the defaults.</summary>
    /// <param name="asked">What is asked for.</param>
    /// <param name="width">The picture's width in pixels.</param>
    /// <param name="height">Its height.</param>
    /// <returns>What is not the default; null where all is.</returns>
    public static MicroConditioning? Describe(MicroConditioning asked, int width, int height)
    {
        MicroConditioning described = new()
        {
            OriginalWidth = Unless(width, asked.OriginalWidth),
            OriginalHeight = Unless(height, asked.OriginalHeight),
            CropTop = Unless(0, asked.CropTop),
            CropLeft = Unless(0, asked.CropLeft),
            TargetWidth = Unless(width, asked.TargetWidth),
            TargetHeight = Unless(height, asked.TargetHeight),
            AestheticScore = Unless(AestheticScore, asked.AestheticScore),
            NegativeAestheticScore = Unless(NegativeAestheticScore, asked.NegativeAestheticScore),
        };
        return described == new MicroConditioning() ? null : described;
    }

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
            ? [height, width, 0, 0, (float)(given.NegativeAestheticScore ?? NegativeAestheticScore)]
            : [height, width, top, left, (float)(given.AestheticScore ?? AestheticScore)];
    }

    private static T? Unless<T>(T usual, T? value)
        where T : struct, IEquatable<T> => value is T given && given.Equals(usual) ? null : value;
}
