using StableDiffusion.Running;
using StableDiffusion.Settings;

namespace StableDiffusion.Pipelines;

/// <summary>Refuses settings that lie outside what can be done, by name.</summary>
internal static class SettingCheck
{
    private const int HighestSide = 8192;
    private const int HighestTrainingSize = 16384;
    private const double HighestScore = 100;

    /// <summary>A seed is 0 or more.</summary>
    public static long Seed(long seed) => seed >= 0
        ? seed
        : throw new InvalidSettingException("Seed", $"The seed {seed} is out of range: it is a whole number from 0 to {long.MaxValue}. Leave it out to have one drawn at random.");

    /// <summary>A number lies in a range, both ends included.</summary>
    public static double Range(string setting, double value, double lowest, double highest) => value >= lowest && value <= highest
        ? value
        : throw new InvalidSettingException(setting, $"{setting} is {value}, but must lie between {lowest} and {highest}.");

    /// <summary>A picture's side is a whole number of the latent's values long.</summary>
    public static int Side(string setting, int pixels, ModelInfo model)
    {
        int factor = model.LatentFactor;
        if (pixels >= factor && pixels <= HighestSide && pixels % factor == 0)
            return pixels;

        int nearest = Math.Clamp((int)Math.Round(pixels / (double)factor) * factor, factor, HighestSide);
        throw new InvalidSettingException(setting, $"{setting} is {pixels}, but must be a multiple of {factor} from {factor} to {HighestSide}, such as {nearest}.");
    }

    /// <summary>The model is conditioned on each of these settings, and each is within its range.</summary>
    public static void MicroConditioning(MicroConditioning asked, DiffusionModel model)
    {
        const string Large = "Stable Diffusion XL";
        const string Basic = "Stable Diffusion XL without its refiner";
        const string Refiner = "the refiner of Stable Diffusion XL";
        Check(nameof(asked.OriginalWidth), asked.OriginalWidth, 1, HighestTrainingSize, Large);
        Check(nameof(asked.OriginalHeight), asked.OriginalHeight, 1, HighestTrainingSize, Large);
        Check(nameof(asked.CropTop), asked.CropTop, 0, HighestTrainingSize, Large);
        Check(nameof(asked.CropLeft), asked.CropLeft, 0, HighestTrainingSize, Large);
        Check(nameof(asked.TargetWidth), asked.TargetWidth, 1, HighestTrainingSize, Basic);
        Check(nameof(asked.TargetHeight), asked.TargetHeight, 1, HighestTrainingSize, Basic);
        Check(nameof(asked.AestheticScore), asked.AestheticScore, 0, HighestScore, Refiner);
        Check(nameof(asked.NegativeAestheticScore), asked.NegativeAestheticScore, 0, HighestScore, Refiner);

        void Check(string setting, double? value, double lowest, double highest, string family)
        {
            if (value is not double given)
                return;
            if (!model.Family.Takes(setting))
                throw new InvalidSettingException(setting, $"{setting} has no meaning for the model '{model.Info.Name}': it is for {family}. Leave {setting} out, or use such a model.");
            Range(setting, given, lowest, highest);
        }
    }

    /// <summary>What is asked for, if anything, is what a given latent was made with.</summary>
    public static void Same<T>(string setting, T? asked, T? given)
    {
        if (asked is not null && !asked.Equals(given))
            throw new InvalidSettingException(setting, $"{setting} is {asked}, but the given latent was made with {given?.ToString() ?? "none"}. Leave {setting} out, or start from another latent.");
    }

    /// <summary>What only makes sense for a given latent is not asked for without one.</summary>
    public static void NeedsLatent(string setting, bool isGiven, string meaning)
    {
        if (isGiven)
            throw new InvalidSettingException(setting, $"{setting} says {meaning}, but no latent is given. Leave {setting} out, or give a latent or picture to start from.");
    }
}
