using StableDiffusion.Building;
using StableDiffusion.Images;
using StableDiffusion.Images.Control;
using StableDiffusion.Networks;
using StableDiffusion.Networks.Configs;
using StableDiffusion.Onnx;
using StableDiffusion.Running;
using StableDiffusion.Storage;
using StableDiffusion.Tensors;

namespace StableDiffusion.Upscaling;

/// <summary>
/// A network that enlarges images by a whole factor: one of the ESRGAN family, or any graph with one image as its input and one
/// as its output, RGB of 0 to 1. Open it by the library.
/// </summary>
internal sealed class Upscaler : IDisposable
{
    private const string Opening = "Opening the upscaler";

    // A graph says its scale by what it makes. Some need sides that are multiples of a window.
    private static readonly int[] s_trialSides = [16, 64];

    private readonly OnnxSession _session;
    private readonly RentedBuild _graphs;
    private readonly OnnxValueInfo _input;
    private readonly OnnxValueInfo _output;
    private readonly UpscalerConfig? _config;

    private Upscaler(string name, string hash, RentedBuild graphs, OnnxSession session, UpscalerConfig? config, CancellationToken cancellationToken)
    {
        Name = name;
        Hash = hash;
        _graphs = graphs;
        _session = session;
        _config = config;
        _input = OneImage(session.Inputs.Values, "input");
        _output = OneImage(session.Outputs.Values, "output");
        bool isImage = _input.Dimensions[1] is -1 or UpscalerConfig.ImageChannels && _input.Dimensions[2] < 1 && _input.Dimensions[3] < 1;
        if (session.Inputs.Count != 1 || !isImage)
            throw new ModelInvalidException($"The graph of the upscaler '{ModelFilePath.Printable(name)}' has {session.Inputs.Count} inputs, the first of the shape [{string.Join(", ", _input.Dimensions)}], but one image of the shape [1, 3, any, any] is needed. Export it with one input of 3 channels and dynamic height and width.");
        Scale = config?.Scale ?? FindScale(cancellationToken);
    }

    /// <summary>Its name, which is its path if it was given as a path.</summary>
    public string Name { get; }

    /// <summary>The first ten hexadecimal digits of the SHA-256 of its file.</summary>
    public string Hash { get; }

    /// <summary>The factor by which it enlarges both sides.</summary>
    public int Scale { get; }

    /// <summary>The device that it runs on.</summary>
    public Device Device => _session.Device;

    /// <summary>Opens an upscaler, whose graph is built at its first use.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="path">The full path of its file.</param>
    /// <param name="cacheFolder">The full path of the folder for built graphs.</param>
    /// <param name="device">The device.</param>
    /// <param name="progress">Receives the progress; may be null.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    /// <returns>The upscaler; dispose it after use.</returns>
    /// <exception cref="UpscalerNotFoundException">A file is missing.</exception>
    /// <exception cref="ModelInvalidException">The file is damaged, or is not an upscaler.</exception>
    public static Upscaler Open(string name, string path, string cacheFolder, Device device, Action<ProgressReport>? progress, CancellationToken cancellationToken)
    {
        try
        {
            UpscalerSource source = new(path);
            RentedBuild graphs = ModelBuilder.Rent(source, cacheFolder, new ProgressClock(report => progress?.Invoke(report with { Activity = Opening, Detail = $"{report.Activity} {name}" })), cancellationToken);
            try
            {
                return Open(name, Identify(path, cacheFolder, cancellationToken), graphs, source.IsGraph, cacheFolder, device, progress, cancellationToken);
            }
            catch (Exception error)
            {
                if (error is ModelInvalidException && !OnnxFault.IsMemory(error.InnerException))
                    graphs.Discard();
                else
                    graphs.Dispose();
                throw;
            }
        }
        catch (ModelNotFoundException error)
        {
            throw new UpscalerNotFoundException($"'{ModelFilePath.Printable(name)}' is not an upscaler, or not a complete one. {Sentence.Of(error)} Get all files of the upscaler, or give another one.", error);
        }
    }

    /// <summary>The first ten hexadecimal digits of the SHA-256 of a file.</summary>
    /// <param name="path">The full path of the file.</param>
    /// <param name="cacheFolder">The full path of the folder for built graphs.</param>
    /// <param name="cancellationToken">Cancels the reading of a file that was not hashed before.</param>
    public static string Identify(string path, string cacheFolder, CancellationToken cancellationToken) =>
        ModelBuilder.Hash(new UpscalerSource(path), cacheFolder, cancellationToken)[..ModelReader.ShortHashLength];

    /// <summary>Throws for tiles that cannot fit into memory.</summary>
    /// <param name="width">The width of a tile in pixels.</param>
    /// <param name="height">The height of a tile in pixels.</param>
    /// <exception cref="InvalidSettingException">They need more memory than there is; the message has the estimate.</exception>
    public void CheckMemory(int width, int height)
    {
        // A graph does not say how many maps it has; the memory is watched while it runs.
        if (Device.Kind != DeviceKind.Cpu || _config is null)
            return;

        long needed = MapBytes(_config, (long)width * height), limit = MemoryLimit.Bytes(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);
        if (needed > limit)
            throw new InvalidSettingException(nameof(UpscaleOptions.TileSize), $"A tile of {width}x{height} pixels needs about {ByteSize.Format(needed)} of memory with the upscaler '{ModelFilePath.Printable(Name)}', and the limit is {ByteSize.Format(limit)}, the memory of this computer if {MemoryLimit.Variable} is not set. Choose smaller tiles, or set that environment variable to a higher number of MB.");
    }

    /// <summary>Enlarges the pixels of a tile.</summary>
    /// <param name="pixels">Red, green and blue of each pixel.</param>
    /// <param name="width">The width in pixels.</param>
    /// <param name="height">The height in pixels.</param>
    /// <param name="cancellationToken">Cancels the run.</param>
    /// <returns>The pixels of the enlarged tile.</returns>
    /// <exception cref="ModelInvalidException">The graph did not return an image of the right size.</exception>
    /// <exception cref="InferenceException">ONNX Runtime failed, or the image has values that are not finite.</exception>
    public byte[] Run(byte[] pixels, int width, int height, CancellationToken cancellationToken)
    {
        Tensor enlarged = Run(ControlImage.ToTensor(new DiffusionImage(width, height, pixels)), cancellationToken);
        if (!enlarged.IsFinite())
            throw new InferenceException($"The upscaler '{ModelFilePath.Printable(Name)}' returned values that are not finite. Its weights are damaged.");
        return PixelTensor.ToPixels(enlarged, isSigned: false);
    }

    /// <summary>Enlarges an image.</summary>
    /// <param name="image">The image, [1, 3, height, width], RGB of 0 to 1.</param>
    /// <param name="cancellationToken">Cancels the run.</param>
    /// <returns>The image, [1, 3, scale · height, scale · width]; values may be a little below 0 or above 1.</returns>
    /// <exception cref="ModelInvalidException">The graph did not return an image of the right size.</exception>
    /// <exception cref="InferenceException">ONNX Runtime failed.</exception>
    public Tensor Run(Tensor image, CancellationToken cancellationToken)
    {
        int unit = _config?.Unshuffle ?? 1, height = image.Shape[2], width = image.Shape[3];
        Tensor padded = height % unit == 0 && width % unit == 0 ? image : Mirror(image, RoundUp(height), RoundUp(width));
        Tensor enlarged = RunOnce(padded, cancellationToken);
        _session.CheckShape(enlarged, _output, 1, UpscalerConfig.ImageChannels, padded.Shape[2] * Scale, padded.Shape[3] * Scale);
        return padded == image ? enlarged : Mirror(enlarged, height * Scale, width * Scale);

        int RoundUp(int side) => (side + unit - 1) / unit * unit;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _session.Dispose();
        _graphs.Dispose();
    }

    /// <summary>The memory of a run without the weights.</summary>
    /// <param name="config">The network.</param>
    /// <param name="pixels">The number of pixels of the tile.</param>
    /// <returns>The number of bytes.</returns>
    internal static long MapBytes(UpscalerConfig config, long pixels)
    {
        // Measured with RealESRGAN_x4plus on tiles of 96 and 192 pixels: 4 and 3 maps of the new size, beside those of the dense blocks.
        const int enlargedMaps = 4, denseMaps = 3;
        long enlarged = pixels * config.Scale * config.Scale;
        long maps = config.IsCompact
            ? (pixels * config.Features * enlargedMaps) + (enlarged * UpscalerConfig.ImageChannels * enlargedMaps)
            : (enlarged * config.Features * enlargedMaps) + (pixels / (config.Unshuffle * config.Unshuffle) * (config.Features + (4 * config.Growth)) * denseMaps);
        return maps * sizeof(float);
    }

    private static Upscaler Open(string name, string hash, RentedBuild graphs, bool isGraph, string cacheFolder, Device device, Action<ProgressReport>? progress, CancellationToken cancellationToken)
    {
        long start = System.Diagnostics.Stopwatch.GetTimestamp();
        string folder = Path.Combine(graphs.Folder, ModelParts.Upscaler);
        UpscalerConfig? config = isGraph ? null : UpscalerConfig.From(ConfigFile.Read(Path.Combine(folder, ModelParts.Config)));
        string graph = Path.Combine(folder, ModelParts.Graph);
        OnnxSession session = new KeptEngines(cacheFolder).Open(
            graph, device, string.Empty, engines => OnnxSession.Open(graph, device, plansMemory: false, engines: engines, cancellationToken: cancellationToken), report => progress?.Invoke(report), cancellationToken);
        try
        {
            Upscaler opened = new(name, hash, graphs, session, config, cancellationToken);
            progress?.Invoke(ProgressReport.Finished(Opening, name, System.Diagnostics.Stopwatch.GetElapsedTime(start)));
            return opened;
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    private OnnxValueInfo OneImage(IEnumerable<OnnxValueInfo> values, string kind) =>
        values.FirstOrDefault(static value => value.Rank == 4 && OnnxBuffer.Supports(value.ElementType))
        ?? throw new ModelInvalidException($"The graph of the upscaler '{ModelFilePath.Printable(Name)}' has no {kind} that is an image of floats with 4 axes.");

    private int FindScale(CancellationToken cancellationToken)
    {
        foreach (int side in s_trialSides)
        {
            try
            {
                Tensor made = RunOnce(new Tensor(1, UpscalerConfig.ImageChannels, side, side), cancellationToken);
                int scale = made.Rank == 4 ? made.Shape[2] / side : 0;
                return scale is >= 1 and <= UpscalerConfig.LargestScale && made.HasShape(1, UpscalerConfig.ImageChannels, side * scale, side * scale)
                    ? scale
                    : throw new ModelInvalidException($"The graph of '{ModelFilePath.Printable(Name)}' makes {made} of an image of {side}x{side} pixels, which is not that image at a whole scale of 1 to {UpscalerConfig.LargestScale}. It is not an upscaler.");
            }
            catch (InferenceException) when (side != s_trialSides[^1] && !_session.WasStoppedForMemory)
            {
                // The next size may fit its windows.
            }
        }

        throw new InvalidOperationException();
    }

    private Tensor RunOnce(Tensor image, CancellationToken cancellationToken)
    {
        using OnnxBuffer buffer = new(image, _input.ElementType);
        return _session.Run(_output, cancellationToken, (_input, buffer));
    }

    /// <summary>An image of another size: cut at the right and at the bottom, or continued there as in a mirror.</summary>
    private static Tensor Mirror(Tensor image, int height, int width)
    {
        int fromHeight = image.Shape[2], fromWidth = image.Shape[3];
        Tensor result = new(1, UpscalerConfig.ImageChannels, height, width);
        for (int row = 0; row < UpscalerConfig.ImageChannels * height; row++)
        {
            ReadOnlySpan<float> source = image.Span.Slice(((row / height * fromHeight) + MirroredIndex.Of(row % height, fromHeight)) * fromWidth, fromWidth);
            Span<float> target = result.Span.Slice(row * width, width);
            for (int x = 0; x < width; x++)
                target[x] = source[MirroredIndex.Of(x, fromWidth)];
        }

        return result;
    }
}
