using StableDiffusion.Denoising;
using StableDiffusion.Families;
using StableDiffusion.Networks;
using StableDiffusion.Networks.Configs;
using StableDiffusion.Running;
using StableDiffusion.Settings;
using StableDiffusion.Settings.Passes;
using StableDiffusion.Text;

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

    /// <summary>Throws for settings of a denoising that are out of range, or that the model cannot meet, as far as that is known before a network is opened.</summary>
    public static void All(DenoiseOptions options, DiffusionModel model)
    {
        Family(options, model);
        if (VaeOptions.From(options).Vae is string vae)
            model.Vaes.Find(vae);
        if (options.ToTiling() != Tiling.None)
            model.CheckTiling();
        SettingTable.Check(options);
        _ = new InpaintSettings(options);
        string text = Path.Combine(model.Info.Path, ModelParts.TextEncoder, ModelParts.Config);
        if (options.ClipSkip is int layer && File.Exists(text))
            ClipEncoder.CheckLayer(layer, ClipTextConfig.Read(text).Layers, model.Info.Name);
        if (model.Info.Variant is ModelVariant variant)
            ImageGuidance(options, variant, model.Info);
        if (options.GuidanceStart >= options.GuidanceEnd)
            throw new InvalidSettingException(nameof(options.GuidanceStart), $"GuidanceStart is {options.GuidanceStart}, but must be below GuidanceEnd, {options.GuidanceEnd}.");
        if (options.GuidanceSigmaMin >= options.GuidanceSigmaMax)
            throw new InvalidSettingException(nameof(options.GuidanceSigmaMin), $"GuidanceSigmaMin is {options.GuidanceSigmaMin}, but must be below GuidanceSigmaMax, {options.GuidanceSigmaMax}.");
        if (options.FeatureReuse > 1 && options.Controls.Count > 0)
            throw new InvalidSettingException(nameof(options.FeatureReuse), "FeatureReuse does not work with ControlNets, whose residuals go to the inner layers of the U-Net at every step. Omit one of them.");
        if (options.FeatureReuse > 1 && options.Attention is not null)
            throw new InvalidSettingException(nameof(options.Attention), "Attention does not work with FeatureReuse, which leaves out the inner layers of the U-Net at most steps. Omit one of them.");
        ControlStart.Check(options.Controls, model.Info);
        foreach (ControlOptions control in options.Controls)
            model.ControlNets.Find(control.ControlNet);
    }

    /// <summary>Throws for an image guidance scale that the model does not take.</summary>
    public static void ImageGuidance(DenoiseOptions options, ModelVariant? variant, ModelInfo model)
    {
        if (options.ImageGuidanceScale is not null && variant != ModelVariant.InstructPix2Pix)
            throw new InvalidSettingException("ImageGuidanceScale", $"The model '{model.Name}' does not edit images by instructions, so an image guidance scale has no effect. Omit it, or use an instruct-pix2pix model.");
    }

    /// <summary>Requires the sides that regions are made at, if given, to be multiples of the VAE's scale factor.</summary>
    public static void DetailSize(DetailSettings detail, DiffusionModel model)
    {
        if (detail.DetailWidth is int width)
            Side(nameof(detail.DetailWidth), width, model.Info);
        if (detail.DetailHeight is int height)
            Side(nameof(detail.DetailHeight), height, model.Info);
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
