using StableDiffusion.Settings;

namespace StableDiffusion.Images;

/// <summary>Joins images of the same size into a contact sheet.</summary>
internal static class ImageGrid
{
    /// <summary>Joins images in row order; the rest of the last row is white.</summary>
    /// <param name="images">The images, one or more, all of the same size.</param>
    /// <param name="columns">The number of images in a row; null makes the sheet about square.</param>
    /// <param name="gap">The width of the white gap between two images, in pixels, 0 or more.</param>
    /// <returns>The sheet, whose record has those of its images.</returns>
    /// <exception cref="ImageInvalidException">An image differs in size from the first.</exception>
    /// <exception cref="InvalidSettingException">There are no images, a value is out of range, or the sheet would be too large.</exception>
    public static DiffusionImage Join(IReadOnlyList<DiffusionImage> images, int? columns = null, int gap = 0)
    {
        ArgumentNullException.ThrowIfNull(images);
        if (images.Count == 0)
            throw new InvalidSettingException("InputObject", "There are no images to join. Give one or more.");
        if (columns is < 1)
            throw new InvalidSettingException("Columns", $"Columns is {columns}, but must be 1 or more.");
        if (gap < 0)
            throw new InvalidSettingException("Gap", $"Gap is {gap}, but must be 0 or more.");

        DiffusionImage first = images[0];
        int across = Math.Min(columns ?? (int)Math.Ceiling(Math.Sqrt(images.Count)), images.Count);
        int down = (images.Count + across - 1) / across;
        long width = (across * ((long)first.Width + gap)) - gap;
        long height = (down * ((long)first.Height + gap)) - gap;
        if (width * height > ImageLibrary.MaxPixels)
            throw new InvalidSettingException("InputObject", $"The sheet would be {width}x{height} pixels, which is too large. Join fewer images at a time.");

        byte[] pixels = new byte[width * height * DiffusionImage.Channels];
        pixels.AsSpan().Fill(byte.MaxValue);
        int rowLength = first.Width * DiffusionImage.Channels;
        for (int index = 0; index < images.Count; index++)
        {
            DiffusionImage image = images[index];
            if (image.Width != first.Width || image.Height != first.Height)
                throw new ImageInvalidException($"Image {index + 1} is {image.Width}x{image.Height} pixels, but the first one is {first.Width}x{first.Height}. Join images of the same size.");

            long left = (index % across) * ((long)first.Width + gap);
            long top = (index / across) * ((long)first.Height + gap);
            for (int row = 0; row < image.Height; row++)
            {
                int target = (int)((((top + row) * width) + left) * DiffusionImage.Channels);
                image.Pixels.AsSpan(row * rowLength, rowLength).CopyTo(pixels.AsSpan(target));
            }
        }

        GenerationStage stage = new()
        {
            Operation = StageOperation.Join,
            Settings = new Dictionary<string, object>(StringComparer.Ordinal) { ["Columns"] = (long)across, ["Gap"] = (long)gap },
            Inputs = new Dictionary<string, IReadOnlyList<StageList>>(StringComparer.Ordinal) { ["Image"] = [.. images.Select(static image => image.Origin())] },
            Output = StageList.Hash<byte>(pixels),
        };
        return new DiffusionImage((int)width, (int)height, pixels, new GenerationInfo { Stages = new StageList().Append(stage) });
    }

    /// <summary>Images that come one by one, as long as a sheet can hold them.</summary>
    /// <param name="images">The images.</param>
    /// <exception cref="InvalidSettingException">They have more pixels than a sheet can have.</exception>
    public static IEnumerable<DiffusionImage> Limit(IEnumerable<DiffusionImage> images)
    {
        long pixels = 0;
        foreach (DiffusionImage image in images)
        {
            CheckPixels(pixels += (long)image.Width * image.Height);
            yield return image;
        }
    }

    /// <summary>Throws if a sheet cannot hold so many pixels, whatever its shape, so that no more images need to be read.</summary>
    /// <param name="pixels">The pixels of the images so far.</param>
    /// <exception cref="InvalidSettingException">They are too many.</exception>
    public static void CheckPixels(long pixels)
    {
        if (pixels > ImageLibrary.MaxPixels)
            throw new InvalidSettingException("InputObject", $"The images have more than {ImageLibrary.MaxPixels / (1024 * 1024)} megapixels in all, the most that a sheet can have. Join fewer images at a time.");
    }
}
