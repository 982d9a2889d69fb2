using StableDiffusion.Families;
using StableDiffusion.Settings;

namespace StableDiffusion.Denoising;

/// <summary>The numbers that a model takes besides prompt and timestep, as SDXL does.</summary>
internal static class TimeIds
{
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
            AestheticScore = Unless(StableDiffusionXLRefiner.DefaultAestheticScore, asked.AestheticScore),
            NegativeAestheticScore = Unless(StableDiffusionXLRefiner.DefaultNegativeAestheticScore, asked.NegativeAestheticScore),
        };
        return described == new MicroConditioning() ? null : described;
    }

    /// <summary>The numbers.</summary>
    /// <param name="family">The model's family.</param>
    /// <param name="info">The settings of the image.</param>
    /// <param name="isNegative">Whether they go with the negative prompt.</param>
    /// <returns>The numbers in the order of diffusers' pipelines; none for models that take none.</returns>
    public static float[] Of(ModelFamily family, GenerationInfo info, bool isNegative) =>
        family.TimeIds(info.MicroConditioning ?? new(), info.Width!.Value, info.Height!.Value, isNegative);

    private static T? Unless<T>(T usual, T? value)
        where T : struct, IEquatable<T> => value is T given && given.Equals(usual) ? null : value;
}
