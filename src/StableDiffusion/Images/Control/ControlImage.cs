using StableDiffusion.Settings;
using StableDiffusion.Tensors;

namespace StableDiffusion.Images.Control;

/// <summary>Preprocesses images for ControlNets.</summary>
internal static class ControlImage
{
    private const float Largest = byte.MaxValue;

    // At its default of 1, A1111's tile_resample does not change the image; a quarter of the size removes details.
    private const int TileFactor = 4;

    /// <summary>Preprocesses an image. The size does not change.</summary>
    /// <param name="image">The image; it is not changed.</param>
    /// <param name="preprocessor">The preprocessor.</param>
    /// <param name="lowThreshold">As for <see cref="CannyEdges.Find"/>.</param>
    /// <param name="highThreshold">As for <see cref="CannyEdges.Find"/>.</param>
    /// <param name="cancellationToken">Cancels the work, which may go on for a while.</param>
    /// <returns>A new image, or <paramref name="image"/> itself for <see cref="ControlPreprocessor.None"/>.</returns>
    /// <exception cref="InvalidSettingException">The lower threshold is above the upper one.</exception>
    public static DiffusionImage Preprocess(
        DiffusionImage image,
        ControlPreprocessor preprocessor,
        int lowThreshold = CannyEdges.DefaultLowThreshold,
        int highThreshold = CannyEdges.DefaultHighThreshold,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(image);
        if (lowThreshold > highThreshold)
            throw new InvalidSettingException("LowThreshold", $"LowThreshold is {lowThreshold}, but must not be above HighThreshold, {highThreshold}.");

        if (preprocessor == ControlPreprocessor.None)
            return image;

        byte[] pixels = BackgroundCall.Run(() => Apply(image, preprocessor, lowThreshold, highThreshold, cancellationToken).Pixels, cancellationToken);
        StageList stages = preprocessor == ControlPreprocessor.Canny
            ? image.Then(StageOperation.Preprocess, pixels, ("Preprocessor", preprocessor.ToString()), ("LowThreshold", (long)lowThreshold), ("HighThreshold", (long)highThreshold))
            : image.Then(StageOperation.Preprocess, pixels, ("Preprocessor", preprocessor.ToString()));
        return new DiffusionImage(image.Width, image.Height, pixels, new GenerationInfo { Stages = stages });
    }

    private static DiffusionImage Apply(DiffusionImage image, ControlPreprocessor preprocessor, int lowThreshold, int highThreshold, CancellationToken cancellationToken)
    {
        return preprocessor switch
        {
            ControlPreprocessor.Canny => CannyEdges.Find(image, lowThreshold, highThreshold, cancellationToken),
            ControlPreprocessor.Invert => new DiffusionImage(image.Width, image.Height, Array.ConvertAll(image.Pixels, static value => (byte)(byte.MaxValue - value))),
            ControlPreprocessor.Tile => Coarsen(image),
            _ => throw new ArgumentOutOfRangeException(nameof(preprocessor), preprocessor, "There is no such preprocessor."),
        };
    }

    /// <summary>Converts an image to the input of a ControlNet.</summary>
    /// <returns>A tensor [1, 3, height, width] with values from 0 to 1.</returns>
    public static Tensor ToTensor(DiffusionImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        Tensor tensor = new(1, DiffusionImage.Channels, image.Height, image.Width);
        int planeLength = image.Width * image.Height;
        for (int i = 0; i < planeLength; i++)
        {
            for (int channel = 0; channel < DiffusionImage.Channels; channel++)
                tensor.Values[(channel * planeLength) + i] = image.Pixels[(i * DiffusionImage.Channels) + channel] / Largest;
        }

        return tensor;
    }

    private static DiffusionImage Coarsen(DiffusionImage image)
    {
        int width = Math.Max(1, image.Width / TileFactor);
        int height = Math.Max(1, image.Height / TileFactor);
        DiffusionImage small = ImageResize.Resize(image, width, height, ResizeMode.Stretch);
        return ImageResize.Resize(small, image.Width, image.Height, ResizeMode.Stretch);
    }
}
