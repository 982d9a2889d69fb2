using StableDiffusion.Denoising;
using StableDiffusion.Running;
using StableDiffusion.Settings;

namespace StableDiffusion.Pipelines;

/// <summary>Throws for settings that are out of range or cannot be combined.</summary>
internal static class SettingCheck
{
    /// <summary>Requires an image's side to be a multiple of the VAE's scale factor.</summary>
    public static int Side(string setting, int pixels, ModelInfo model)
    {
        int factor = model.LatentFactor;
        if (pixels >= factor && pixels <= LatentSpace.HighestSide && pixels % factor == 0)
            return pixels;

        int nearest = Math.Clamp((int)Math.Round(pixels / (double)factor) * factor, factor, LatentSpace.HighestSide);
        throw new InvalidSettingException(setting, $"{setting} is {pixels}, but must be a multiple of {factor} from {factor} to {LatentSpace.HighestSide}, such as {nearest}.");
    }

    /// <summary>Throws for settings that the model's family does not support.</summary>
    public static void Family(DenoiseOptions asked, DiffusionModel model)
    {
        foreach (Setting row in SettingTable.Rows)
        {
            if (row.Families is not null && row.Get(asked) is not null && !model.Family.Takes(row.Name))
                throw new InvalidSettingException(row.Name, $"{row.Name} has no effect with the model '{model.Info.Name}': it is for {row.Families}. Omit {row.Name}, or use such a model.");
        }
    }

    /// <summary>Requires a setting, if given, to be the one that the latent was made with.</summary>
    public static void Same<T>(string setting, T? asked, T? given)
    {
        if (asked is not null && !asked.Equals(given))
            throw new InvalidSettingException(setting, $"{setting} is {asked}, but the given latent was made with {given?.ToString() ?? "none"}. Omit {setting}, or start from another latent.");
    }

    /// <summary>Throws for a setting that needs a latent, if none is given.</summary>
    public static void NeedsLatent(string setting, bool isGiven, string meaning)
    {
        if (isGiven)
            throw new InvalidSettingException(setting, $"{setting} sets {meaning}, but there is none. Omit {setting}, or give a latent or image to start from.");
    }
}
