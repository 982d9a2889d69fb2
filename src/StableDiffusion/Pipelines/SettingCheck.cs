using StableDiffusion.Running;
using StableDiffusion.Settings;

namespace StableDiffusion.Pipelines;

/// <summary>Refuses settings that lie outside what can be done, by name.</summary>
internal static class SettingCheck
{
    private const int HighestSide = 8192;

    /// <summary>A picture's side is a whole number of the latent's values long.</summary>
    public static int Side(string setting, int pixels, ModelInfo model)
    {
        int factor = model.LatentFactor;
        if (pixels >= factor && pixels <= HighestSide && pixels % factor == 0)
            return pixels;

        int nearest = Math.Clamp((int)Math.Round(pixels / (double)factor) * factor, factor, HighestSide);
        throw new InvalidSettingException(setting, $"{setting} is {pixels}, but must be a multiple of {factor} from {factor} to {HighestSide}, such as {nearest}.");
    }

    /// <summary>Refuses settings that the model's family does not take.</summary>
    public static void Family(DenoiseOptions asked, DiffusionModel model)
    {
        foreach (Setting row in SettingTable.Rows)
        {
            if (row.Families is not null && row.Get(asked) is not null && !model.Family.Takes(row.Name))
                throw new InvalidSettingException(row.Name, $"{row.Name} has no meaning for the model '{model.Info.Name}': it is for {row.Families}. Leave {row.Name} out, or use such a model.");
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
