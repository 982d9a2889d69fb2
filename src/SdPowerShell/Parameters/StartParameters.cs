using SdPowerShell.Commands;
using StableDiffusion;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Pipelines;
using StableDiffusion.Replaying;
using StableDiffusion.Settings;

namespace SdPowerShell.Parameters;

/// <summary>The parameters of the image to start from: which image it is, and how it is fitted to the size of the new one.</summary>
/// <param name="command">The cmdlet that has the parameters.</param>
internal sealed class StartParameters(NewDiffusionImageCommand command)
{
    /// <summary>The image to start from: that of the parameter, or that of the pipeline unless the pipeline gives the prompt.</summary>
    /// <param name="isPiped">Whether it is that of the pipeline.</param>
    public ImageInput? Find(out bool isPiped)
    {
        object? given = command.Given;
        isPiped = command.InitImage is null && given is (FileSystemInfo or DiffusionImage) && command.IsFixed(nameof(command.Prompt));
        if (command.InitImage is not null && given is FileSystemInfo file && command.IsFixed(nameof(command.Prompt)))
            throw new InvalidSettingException(nameof(command.InitImage), $"There are two images to start from, '{file}' and InitImage. Omit one of them.");
        return isPiped ? new ImageInput(given!) : command.InitImage;
    }

    /// <summary>Reads the image to start from, and fits it.</summary>
    /// <param name="source">The image; null for none.</param>
    /// <param name="isPiped">Whether it is that of the pipeline.</param>
    /// <param name="recorded">What its record says that is made again; null if nothing is.</param>
    /// <param name="options">The settings, which get the size of the fitted image.</param>
    /// <returns>The fitted image; null for none.</returns>
    public StartImage? Fit(ImageInput? source, bool isPiped, OneImage? recorded, ref DenoiseOptions options)
    {
        if (source is null)
        {
            RequireNone(options);
            WarnOfOthers(recorded, start: null, options);
            return null;
        }

        // An image from the pipeline carries the size and the resize mode that it was made with.
        int? width = isPiped && !command.IsFixed(nameof(command.Width)) ? null : options.Width;
        int? height = isPiped && !command.IsFixed(nameof(command.Height)) ? null : options.Height;
        string? named = isPiped && !command.IsFixed(nameof(ResizeMode)) ? null : command.ResizeMode;
        ResizeMode? mode = string.IsNullOrWhiteSpace(named) ? null : EnumSetting.Parse(nameof(ResizeMode), named, StartImage.DefaultResizeMode);
        BackgroundColor background = BackgroundColor.Parse(options.Background);
        bool isRegion = options is { Mask: not null, MaskedOnly: true };
        if (isRegion && mode is not null)
            command.RefuseIdle(nameof(ResizeMode), "ResizeMode has no effect with MaskedOnly, which makes the region around the mask and pastes it into the image as it is. Omit one of them.");
        GenerationSettings? inpainting = options.Mask is null ? null : options;
        DiffusionImage image = source.Read(
            nameof(command.InitImage),
            path => ImageFile.Load(command.ResolveFile(path), background, command.CancellationToken, isRegion ? null : (ownWidth, ownHeight) => command.Inspect(pipeline => pipeline.CheckStart(ownWidth, ownHeight, width, height, mode))),
            static given => given);
        WarnOfOthers(recorded, image, options);
        MaskImage? mask = options.Mask;
        StartImage start = command.Inspect(pipeline => pipeline.FitImage(image, mask, width, height, mode, inpainting));

        // An image in memory has no pixels that are not opaque.
        string? seen = source.Given is DiffusionImage || background == BackgroundColor.White ? null : background.ToString();
        options = options with { Width = start.Image.Width, Height = start.Image.Height, Mask = start.Mask, Background = seen };
        if (start.ResizeMode != ResizeMode.None)
            command.WriteVerbose($"The image to start from was resized from {image.Width}x{image.Height} to {start.Image.Width}x{start.Image.Height} pixels with the resize mode {start.ResizeMode}.");
        return start;
    }

    private void WarnOfOthers(OneImage? recorded, DiffusionImage? start, DenoiseOptions options)
    {
        foreach (string warning in recorded is null ? [] : RecordedImages.FindOthers(recorded, start, options.Mask, options.Controls))
            command.Warn(warning);
    }

    /// <summary>Throws for a record or a setting that needs an image to start from.</summary>
    private void RequireNone(DenoiseOptions options)
    {
        if (command.FindMade() is GeneratedObject record and ({ Strength: not null } or { ImageGuidanceScale: not null }))
        {
            string made = (record as ImageMetadata)?.Path ?? (record as DiffusionImage)?.Path ?? $"{record}";
            throw new InvalidSettingException(
                record.Strength is null ? nameof(command.ImageGuidanceScale) : nameof(command.Strength),
                $"'{made}' was made from another image, and its record does not say which. Give that image with -InitImage and, if only a part of it was repainted, the mask with -MaskImage.");
        }

        if (options.Strength is not null)
            throw new InvalidSettingException(nameof(command.Strength), NeedsStart(nameof(command.Strength)));
        if (options.Mask is not null)
            throw new InvalidSettingException(nameof(DenoiseOptions.Mask), NeedsStart(nameof(command.MaskImage)));
        if (!string.IsNullOrWhiteSpace(command.ResizeMode))
            command.RefuseIdle(nameof(ResizeMode), NeedsStart(nameof(ResizeMode)));
        if (options.StrengthRule is not null)
            throw new InvalidSettingException(nameof(command.StrengthRule), NeedsStart(nameof(command.StrengthRule)));

        static string NeedsStart(string parameter) => $"{parameter} needs an image to start from, and none is given. Give one with -InitImage, or omit {parameter}.";
    }
}
