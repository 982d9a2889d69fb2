using StableDiffusion.Images.Sheets;
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
    public static DiffusionImage Join(IReadOnlyList<DiffusionImage> images, int? columns = null, int gap = 0) => Join(images, new SheetLayout { Columns = columns, Gap = gap });

    /// <summary>Joins images in a layout, with labels in black on white.</summary>
    /// <param name="images">The images, one or more, all of the same size.</param>
    /// <param name="layout">Where they are.</param>
    /// <returns>The sheet, whose record has those of its images.</returns>
    /// <exception cref="ImageInvalidException">An image differs in size from the first.</exception>
    /// <exception cref="InvalidSettingException">There are no images, a value is out of range, or the sheet would be too large.</exception>
    public static DiffusionImage Join(IReadOnlyList<DiffusionImage> images, SheetLayout layout)
    {
        ArgumentNullException.ThrowIfNull(images);
        if (images.Count == 0)
            throw new InvalidSettingException("InputObject", "There are no images to join. Give one or more.");

        (int across, int down) = layout.Check(images.Count);
        DiffusionImage first = images[0];
        SheetLabels labels = new(layout, first.Width, first.Height);
        long width = labels.Left + (across * ((long)first.Width + layout.Gap)) - layout.Gap;
        long pitch = (long)first.Height + labels.Below + layout.Gap;
        long height = labels.Top + (down * pitch) - layout.Gap;
        if ((double)width * height > ImageLibrary.MaxPixels)
            throw new InvalidSettingException("InputObject", $"The sheet would be {width}x{height} pixels, which is too large. Join fewer images at a time.");

        byte[] pixels = new byte[width * height * DiffusionImage.Channels];
        pixels.AsSpan().Fill(byte.MaxValue);
        int rowLength = first.Width * DiffusionImage.Channels;
        for (int index = 0; index < images.Count; index++)
        {
            DiffusionImage image = images[index];
            if (image.Width != first.Width || image.Height != first.Height)
                throw new ImageInvalidException($"Image {index + 1} is {image.Width}x{image.Height} pixels, but the first one is {first.Width}x{first.Height}. Join images of the same size.");

            int cell = layout.Cells?[index] ?? index;
            long left = labels.Left + ((cell % across) * ((long)first.Width + layout.Gap));
            long top = labels.Top + (cell / across * pitch);
            for (int row = 0; row < image.Height; row++)
            {
                int target = (int)((((top + row) * width) + left) * DiffusionImage.Channels);
                image.Pixels.AsSpan(row * rowLength, rowLength).CopyTo(pixels.AsSpan(target));
            }

            labels.DrawCaption(pixels, (int)width, index, (int)left, (int)top + image.Height);
        }

        labels.DrawEdges(pixels, (int)width, first.Width + layout.Gap, (int)pitch);
        GenerationStage stage = new()
        {
            Operation = StageOperation.Join,
            Settings = layout.ToSettings(across),
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
