using StableDiffusion.Images;
using StableDiffusion.Settings;
using StableDiffusion.Storage;

namespace StableDiffusion.Upscaling;

/// <summary>
/// Enlarges images. A network runs up to three times until both sides reach the size, in tiles, and a Lanczos filter brings the
/// result to it. Source: A1111 1.10, <c>Upscaler.upscale</c> and <c>upscale_with_model</c>.
/// </summary>
internal static class ImageUpscaling
{
    /// <summary>The setting with the hash of a network's file in a stage.</summary>
    public const string HashSetting = "UpscalerHash";

    private const string Activity = "Upscaling";
    private const int MostPasses = 3;

    /// <summary>The filter that an upscaler stands for.</summary>
    /// <param name="upscaler">The name of the upscaler.</param>
    /// <returns>The filter; null if it is a network.</returns>
    public static ResampleFilter? FilterOf(string upscaler) =>
        Enum.GetNames<ResampleFilter>().FirstOrDefault(name => name.Equals(upscaler, StringComparison.OrdinalIgnoreCase)) is string filter ? Enum.Parse<ResampleFilter>(filter) : null;

    /// <summary>Enlarges an image by a filter.</summary>
    /// <param name="image">The image; it is not changed.</param>
    /// <param name="filter">The filter.</param>
    /// <param name="options">The size.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    /// <returns>The new image, with the same settings and one more stage.</returns>
    /// <exception cref="InvalidSettingException">A setting is out of range.</exception>
    public static DiffusionImage Run(DiffusionImage image, ResampleFilter filter, UpscaleOptions options, CancellationToken cancellationToken)
    {
        (int width, int height) = Check(image, options);
        byte[] pixels = Resize(image.Pixels, image.Width, image.Height, width, height, options, filter, cancellationToken);
        return Result(image, pixels, width, height, options with { Upscaler = filter.ToString() }, hash: null, StageMaker.Cpu);
    }

    /// <summary>Enlarges an image by a network.</summary>
    /// <param name="image">The image; it is not changed.</param>
    /// <param name="upscaler">The network.</param>
    /// <param name="options">The size and the tiles.</param>
    /// <param name="progress">Receives the progress; may be null.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    /// <returns>The new image, with the same settings and one more stage.</returns>
    /// <exception cref="InvalidSettingException">A setting is out of range, or the network would need more memory than there is.</exception>
    /// <exception cref="ModelInvalidException">The network did not return an image of the right size.</exception>
    /// <exception cref="InferenceException">ONNX Runtime failed.</exception>
    public static DiffusionImage Run(DiffusionImage image, Upscaler upscaler, UpscaleOptions options, Action<ProgressReport>? progress, CancellationToken cancellationToken)
    {
        (int width, int height) = Check(image, options);
        int[] factors = [.. Factors(image, upscaler.Scale, width, height, mayBeSame: options.Scale == 1)];
        TileGrid[] grids = [.. factors.Select(factor => GridOf(image.Width * factor, image.Height * factor, options))];
        foreach (TileGrid grid in grids)
            upscaler.CheckMemory(grid.TileWidth, grid.TileHeight);

        ProgressClock clock = new(progress);
        long total = grids.Sum(static grid => grid.Count), done = 0, start = System.Diagnostics.Stopwatch.GetTimestamp();
        byte[] pixels = image.Pixels;
        foreach (TileGrid grid in grids)
        {
            pixels = grid.Run(pixels, upscaler.Scale, tile =>
            {
                byte[] enlarged = upscaler.Run(tile, grid.TileWidth, grid.TileHeight, cancellationToken);
                clock.Report(Activity, upscaler.Name, ++done, total, countsBytes: false);
                return enlarged;
            });
        }

        int scale = grids.Length == 0 ? 1 : factors[^1] * upscaler.Scale;
        pixels = Resize(pixels, image.Width * scale, image.Height * scale, width, height, options, ResampleFilter.Lanczos, cancellationToken);
        progress?.Invoke(ProgressReport.Finished(Activity, upscaler.Name, System.Diagnostics.Stopwatch.GetElapsedTime(start)));
        return Result(image, pixels, width, height, options with { Upscaler = upscaler.Name }, upscaler.Hash, StageMaker.Of(upscaler.Device));
    }

    /// <summary>Throws for an image that cannot be enlarged so, before anything is opened.</summary>
    /// <param name="image">The image.</param>
    /// <param name="options">The size and the tiles.</param>
    /// <returns>The new size.</returns>
    /// <exception cref="InvalidSettingException">A setting is out of range.</exception>
    public static (int Width, int Height) Check(DiffusionImage image, UpscaleOptions options)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentNullException.ThrowIfNull(options);
        options.CheckTiles();
        return options.SizeOf(image.Width, image.Height);
    }

    /// <summary>The options in a stage.</summary>
    /// <param name="stage">The stage.</param>
    public static UpscaleOptions OptionsOf(GenerationStage stage)
    {
        UpscaleOptions defaults = new();
        return new UpscaleOptions
        {
            Upscaler = stage.Text(nameof(UpscaleOptions.Upscaler)) ?? defaults.Upscaler,
            Scale = stage.Number<double>(nameof(UpscaleOptions.Scale)),
            Width = stage.Number<int>(nameof(UpscaleOptions.Width)),
            Height = stage.Number<int>(nameof(UpscaleOptions.Height)),
            ResizeMode = EnumSetting.Parse(nameof(UpscaleOptions.ResizeMode), stage.Text(nameof(UpscaleOptions.ResizeMode)), defaults.ResizeMode),
            TileSize = stage.Number<int>(nameof(UpscaleOptions.TileSize)) ?? defaults.TileSize,
            TileOverlap = stage.Number<int>(nameof(UpscaleOptions.TileOverlap)) ?? defaults.TileOverlap,
        };
    }

    private static byte[] Resize(byte[] pixels, int fromWidth, int fromHeight, int width, int height, UpscaleOptions options, ResampleFilter filter, CancellationToken cancellationToken)
    {
        // Sides that are rounded down may have other proportions by a few pixels, which are stretched.
        ResizeMode mode = options is { Width: not null, Height: not null } ? options.ResizeMode : ResizeMode.Stretch;
        (int scaledWidth, int scaledHeight) = ImageResize.ScaledSize(fromWidth, fromHeight, width, height, mode);
        if ((long)scaledWidth * scaledHeight > ImageLibrary.MaxPixels)
            throw new InvalidSettingException(nameof(UpscaleOptions.ResizeMode), $"The image is too long and narrow to be cropped to {width}x{height}. Choose the resize mode Stretch or Pad.");
        byte[] scaled = Resampler.Resize(pixels, fromWidth, fromHeight, scaledWidth, scaledHeight, filter, cancellationToken: cancellationToken);
        return (scaledWidth, scaledHeight) == (width, height) ? scaled : ImageResize.Center(scaled, scaledWidth, scaledHeight, DiffusionImage.Channels, width, height);
    }

    private static TileGrid GridOf(int width, int height, UpscaleOptions options) => options.TileSize == 0
        ? TileGrid.Divide(width, height, width, height, 0)
        : TileGrid.Divide(width, height, options.TileSize, options.TileSize, options.TileOverlap);

    /// <summary>The factors by which the image is enlarged already before each pass.</summary>
    private static IEnumerable<int> Factors(DiffusionImage image, int scale, int width, int height, bool mayBeSame)
    {
        int factor = 1;
        for (int pass = 0; pass < MostPasses; pass++)
        {
            // A network that keeps the size, such as one that removes noise, runs once if the size is to be kept.
            if (image.Width * factor >= width && image.Height * factor >= height && !(mayBeSame && pass == 0))
                yield break;
            if ((long)image.Width * factor * scale * image.Height * factor * scale > ImageLibrary.MaxPixels)
                throw new InvalidSettingException(nameof(UpscaleOptions.Upscaler), $"On the way to {width}x{height}, the image of {image.Width}x{image.Height} pixels would have {image.Width * (long)factor * scale}x{image.Height * (long)factor * scale}, more than the limit of {ImageLibrary.MaxPixels / (1024 * 1024)} megapixels, since the upscaler makes it {scale} times as large at once. Use one with a smaller factor.");
            yield return factor;
            if (scale == 1)
                yield break;
            factor *= scale;
        }
    }

    private static DiffusionImage Result(DiffusionImage image, byte[] pixels, int width, int height, UpscaleOptions options, string? hash, StageMaker made)
    {
        OrderedDictionary<string, object> settings = new(StringComparer.Ordinal) { [nameof(options.Upscaler)] = options.Upscaler };
        Add(HashSetting, hash);
        Add(nameof(options.Scale), options.Scale);
        Add(nameof(options.Width), (long?)options.Width);
        Add(nameof(options.Height), (long?)options.Height);
        if (options is { Width: not null, Height: not null })
            Add(nameof(options.ResizeMode), options.ResizeMode == ResizeMode.Crop ? null : options.ResizeMode.ToString());
        if (hash is not null)
        {
            Add(nameof(options.TileSize), options.TileSize == UpscaleOptions.DefaultTileSize ? null : (long?)options.TileSize);
            Add(nameof(options.TileOverlap), options.TileOverlap == UpscaleOptions.DefaultTileOverlap ? null : (long?)options.TileOverlap);
        }

        // No two images have one array.
        if (pixels == image.Pixels)
            pixels = (byte[])pixels.Clone();
        StageList stages = image.Origin().Append(new GenerationStage { Operation = StageOperation.Upscale, Settings = settings, Output = StageList.Hash<byte>(pixels), Made = made });
        return new DiffusionImage(width, height, pixels, image.Info with { Stages = stages });

        void Add(string name, object? value)
        {
            if (value is not null)
                settings[name] = value;
        }
    }
}
