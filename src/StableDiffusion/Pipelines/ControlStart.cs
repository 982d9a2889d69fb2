using StableDiffusion.Denoising;
using StableDiffusion.Families;
using StableDiffusion.Images;
using StableDiffusion.Images.Control;
using StableDiffusion.Running;
using StableDiffusion.Settings;
using StableDiffusion.Storage;

namespace StableDiffusion.Pipelines;

/// <summary>Prepares the ControlNets of a denoising.</summary>
internal static class ControlStart
{
    private const double HighestScale = 10;

    /// <summary>Throws for a model that does not support ControlNets, and for settings that are out of range, before any network is opened.</summary>
    public static void Check(IReadOnlyList<ControlOptions> controls, ModelInfo model)
    {
        if (controls.Count > 0 && model.Variant == ModelVariant.InstructPix2Pix)
            throw new InvalidSettingException("ControlNet", $"The model '{model.Name}' edits images by instructions and does not support ControlNets. Omit the ControlNets.");

        foreach (ControlOptions control in controls)
        {
            Setting.CheckRange("ControlScale", control.Scale, -HighestScale, HighestScale);
            Setting.CheckRange("ControlStart", control.Start, 0, 1);
            Setting.CheckRange("ControlEnd", control.End, 0, 1);
            if (control.Start >= control.End)
                throw new InvalidSettingException("ControlStart", $"ControlStart is {control.Start}, but must be below ControlEnd, {control.End}.");
        }
    }

    /// <summary>Opens the ControlNets and prepares their images.</summary>
    /// <param name="controls">The ControlNets.</param>
    /// <param name="model">The open model.</param>
    /// <param name="unet">Its U-Net.</param>
    /// <param name="width">The width of the new image in pixels.</param>
    /// <param name="height">The height of the new image in pixels.</param>
    /// <param name="loading">Receives the progress of opening them; may be null.</param>
    /// <param name="cancellationToken">Stops the opening.</param>
    public static ControlCondition[] Open(
        IReadOnlyList<ControlOptions> controls, DiffusionModel model, UNet unet, int width, int height, Action<ProgressReport>? loading, CancellationToken cancellationToken)
    {
        ControlCondition[] conditions = new ControlCondition[controls.Count];
        for (int i = 0; i < conditions.Length; i++)
        {
            ControlOptions control = controls[i];
            ControlNet net = model.ControlNets.Open(control.ControlNet, loading, cancellationToken);
            net.CheckFits(unet, model.Info.Name);
            DiffusionImage image = ControlImage.Preprocess(ImageResize.Resize(control.Image, width, height, ResizeMode.Stretch), control.Preprocessor, cancellationToken: cancellationToken);
            conditions[i] = new ControlCondition(net, ControlImage.ToTensor(image), control.Scale, control.Start, control.End);
        }

        return conditions;
    }

    /// <summary>The ControlNets, as recorded in the image.</summary>
    public static IReadOnlyList<ControlNetInfo>? Describe(IReadOnlyList<ControlOptions> controls, ControlCondition[] conditions) => controls.Count == 0
        ? null
        : [.. controls.Zip(conditions, (control, condition) => new ControlNetInfo
        {
            Name = condition.Net.Name,
            Hash = condition.Net.Hash,
            Image = control.Image.Path,
            Preprocessor = control.Preprocessor.ToString(),
            Scale = control.Scale,
            Start = control.Start,
            End = control.End,
        })];
}
