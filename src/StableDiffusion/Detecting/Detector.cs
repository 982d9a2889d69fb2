using System.Globalization;
using StableDiffusion.Images;
using StableDiffusion.Networks.Graphs.Detectors;
using StableDiffusion.Onnx;
using StableDiffusion.Storage;
using StableDiffusion.Tensors;

namespace StableDiffusion.Detecting;

/// <summary>
/// A network of the YOLO family that finds objects in images, in the form in which ultralytics exports versions 8 and 11: boxes with
/// scores, and for outlines 32 numbers more for each box and 32 maps. Open it by the library.
/// </summary>
internal sealed class Detector : IDisposable
{
    /// <summary>The detector that ships with the engine, for shapes on a plain background.</summary>
    public const string BuiltIn = "Shapes";

    private const string Opening = "Opening the detector";

    // The size that these networks are trained with, used where a graph leaves it open.
    private const int DefaultSide = 640;
    private const int LargestSide = 8192;

    private const int BoxChannels = 4;
    private const int MaskChannels = 32;
    private const float Overlap = 0.7f;
    private const float MaskThreshold = 0.5f;

    private readonly OnnxSession _session;
    private readonly OnnxValueInfo _input;
    private readonly OnnxValueInfo[] _outputs;
    private readonly IReadOnlyDictionary<int, string> _labels;

    private Detector(string name, OnnxSession session)
    {
        Name = name;
        _session = session;
        OnnxValueInfo[] inputs = [.. session.Inputs.Values];
        _input = inputs is [{ Rank: 4 } input] && OnnxBuffer.Supports(input.ElementType) && input.Dimensions[0] is -1 or 1 && input.Dimensions[1] is -1 or DiffusionImage.Channels
            ? input
            : throw Unfit($"has {inputs.Length} inputs{(inputs.Length == 0 ? string.Empty : $", the first of the shape {Describe(inputs[0].Dimensions)}")}, but one image of the shape [1, 3, height, width] is needed");
        Width = SideOf(_input.Dimensions[3]);
        Height = SideOf(_input.Dimensions[2]);
        OnnxValueInfo[] boxes = [.. session.Outputs.Values.Where(static output => output.Rank == 3 && OnnxBuffer.Supports(output.ElementType))];
        OnnxValueInfo[] maps = [.. session.Outputs.Values.Where(static output => output.Rank == 4 && OnnxBuffer.Supports(output.ElementType))];
        if (boxes.Length != 1 || maps.Length > 1)
            throw Unfit($"has the outputs {(session.Outputs.Count == 0 ? "none" : string.Join(", ", session.Outputs.Values.Select(static output => $"'{PrintableText.Of(output.Name)}' {Describe(output.Dimensions)}")))}, but one of the shape [1, 4 + classes, boxes] is needed, and for outlines [1, 4 + classes + 32, boxes] and [1, 32, height, width]");
        _outputs = [boxes[0], .. maps];
        _labels = DetectorLabels.Read(session.FindMetadata("names"));
    }

    /// <summary>Its name, which is its path if it was given as a path.</summary>
    public string Name { get; }

    /// <summary>The width of the images that it takes.</summary>
    public int Width { get; }

    /// <summary>The height of the images that it takes.</summary>
    public int Height { get; }

    private bool HasOutlines => _outputs.Length > 1;

    /// <summary>Whether a name is that of the detector that ships with the engine.</summary>
    /// <param name="name">The name.</param>
    public static bool IsBuiltIn(string name) => name.Equals(BuiltIn, StringComparison.OrdinalIgnoreCase);

    /// <summary>Opens a detector.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="path">The full path of its graph.</param>
    /// <param name="device">The device.</param>
    /// <param name="progress">Receives the progress; may be null.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    /// <returns>The detector; dispose it after use.</returns>
    /// <exception cref="DetectorNotFoundException">A file is missing.</exception>
    /// <exception cref="ModelInvalidException">The graph is damaged, asks for what no network needs, or has other inputs or outputs.</exception>
    public static Detector Open(string name, string path, Device device, Action<ProgressReport>? progress, CancellationToken cancellationToken)
    {
        if (!Path.GetExtension(path).Equals(".onnx", StringComparison.OrdinalIgnoreCase))
            throw new ModelInvalidException($"'{ModelFilePath.Printable(name)}' is not a detector: a detector is an .onnx file. Export the network to ONNX; with ultralytics, by the mode 'export' and format=onnx.");
        try
        {
            return Load(name, path, device, progress, cancellationToken);
        }
        catch (ModelNotFoundException error)
        {
            throw new DetectorNotFoundException($"'{ModelFilePath.Printable(name)}' is not a detector, or not a complete one. {Sentence.Of(error)}", error);
        }
    }

    /// <summary>Opens the detector that ships with the engine.</summary>
    /// <param name="cacheFolder">The full path of the folder for built graphs.</param>
    /// <param name="device">The device.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    /// <returns>The detector; dispose it after use.</returns>
    public static Detector OpenBuiltIn(string cacheFolder, Device device, CancellationToken cancellationToken) => new BuildCache(cacheFolder).Borrow(
        static folder => ShapeDetectorGraph.Build().Save(Path.Combine(folder, "model.onnx")),
        folder => Load(BuiltIn, Path.Combine(folder, "model.onnx"), device, progress: null, cancellationToken));

    /// <summary>Finds the regions of an image.</summary>
    /// <param name="image">The image.</param>
    /// <param name="options">Which of them are returned, and in which order.</param>
    /// <param name="cancellationToken">Cancels the run.</param>
    /// <returns>The regions, at most 300.</returns>
    /// <exception cref="InvalidSettingException">A setting is out of range.</exception>
    /// <exception cref="ModelInvalidException">The graph returned something of another form.</exception>
    /// <exception cref="InferenceException">ONNX Runtime failed, or a value is not finite.</exception>
    public IReadOnlyList<DetectedRegion> Find(DiffusionImage image, DetectOptions options, CancellationToken cancellationToken)
    {
        options.Check();
        Letterbox letterbox = new(image.Width, image.Height, Width, Height);
        using OnnxBuffer buffer = new(letterbox.Apply(image), _input.ElementType);
        Tensor[] results = _session.Run(_outputs, cancellationToken, (_input, buffer));
        if (!results.All(static result => result.IsFinite()))
            throw new InferenceException($"The detector '{ModelFilePath.Printable(Name)}' returned values that are not finite. Its weights are damaged.");
        Tensor boxes = results[0];
        int classes = CountClasses(boxes);
        if (HasOutlines && (results[1].Rank != 4 || results[1].Shape[0] != 1 || results[1].Shape[1] != MaskChannels || results[1].Length == 0))
            throw Unfit($"returned maps of the shape {Describe(results[1].Shape)}, but [1, {MaskChannels}, height, width] is needed");
        return options.Select(Detection.Suppress(Decode(boxes, classes, (float)options.Confidence), Overlap, cancellationToken)
            .Select(found => ToRegion(image, letterbox, found, boxes, classes, HasOutlines ? results[1] : null, cancellationToken)).OfType<DetectedRegion>());
    }

    /// <inheritdoc/>
    public void Dispose() => _session.Dispose();

    /// <summary>The boxes whose class has a score above the lowest one.</summary>
    /// <param name="boxes">Center, size and scores of each box, [1, 4 + classes (+ 32), boxes].</param>
    /// <param name="classes">The number of classes.</param>
    /// <param name="confidence">The lowest score.</param>
    internal static IEnumerable<Detection> Decode(Tensor boxes, int classes, float confidence)
    {
        int count = boxes.Shape[2];
        float[] values = boxes.Values;
        for (int i = 0; i < count; i++)
        {
            int best = 0;
            for (int row = 1; row < classes; row++)
            {
                if (values[((BoxChannels + row) * count) + i] > values[((BoxChannels + best) * count) + i])
                    best = row;
            }

            float score = values[((BoxChannels + best) * count) + i];
            float halfWidth = values[(2 * count) + i] / 2, halfHeight = values[(3 * count) + i] / 2;
            if (score > confidence && halfWidth > 0 && halfHeight > 0)
                yield return new Detection(values[i] - halfWidth, values[count + i] - halfHeight, values[i] + halfWidth, values[count + i] + halfHeight, score, best, i);
        }
    }

    private static Detector Load(string name, string path, Device device, Action<ProgressReport>? progress, CancellationToken cancellationToken)
    {
        long start = System.Diagnostics.Stopwatch.GetTimestamp();
        OnnxSession session = OnnxSession.Open(path, device, plansMemory: false, cancellationToken: cancellationToken);
        try
        {
            Detector opened = new(name, session);
            progress?.Invoke(ProgressReport.Finished(Opening, name, System.Diagnostics.Stopwatch.GetElapsedTime(start)));
            return opened;
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    private int SideOf(int dimension) => dimension < 1
        ? DefaultSide
        : dimension <= LargestSide ? dimension : throw Unfit($"takes images with a side of {dimension} pixels, and at most {LargestSide} are possible");

    private int CountClasses(Tensor boxes)
    {
        int channels = boxes.Rank == 3 ? boxes.Shape[1] : 0, classes = channels - BoxChannels - (HasOutlines ? MaskChannels : 0);

        // Other versions have a row for each box, or boxes that are chosen already.
        bool isTurned = channels > boxes.Shape[^1] && classes != _labels.Count;
        return classes > 0 && boxes.Shape[0] == 1 && !isTurned
            ? classes
            : throw Unfit($"returned boxes of the shape {Describe(boxes.Shape)}, but [1, 4 + classes{(HasOutlines ? " + 32" : string.Empty)}, boxes] is needed, as versions 8 and 11 of YOLO have it. Export such a network, without the suppression of overlapping boxes");
    }

    private DetectedRegion? ToRegion(DiffusionImage image, Letterbox letterbox, Detection found, Tensor boxes, int classes, Tensor? maps, CancellationToken cancellationToken)
    {
        double x1 = letterbox.ToImageX(found.Left), y1 = letterbox.ToImageY(found.Top), x2 = letterbox.ToImageX(found.Right), y2 = letterbox.ToImageY(found.Bottom);
        int left = (int)x1, top = (int)y1, width = (int)Math.Ceiling(x2) - left, height = (int)Math.Ceiling(y2) - top;
        if (width < 1 || height < 1)
            return null;

        byte[]? inside = null;
        if (maps is not null)
        {
            float[] weights = new float[MaskChannels];
            for (int i = 0; i < MaskChannels; i++)
                weights[i] = boxes.Values[((BoxChannels + classes + i) * boxes.Shape[2]) + found.Anchor];
            inside = new OutlineMap(maps, weights, image.Width, image.Height).Crop(x1, y1, x2, y2, left, top, width, height, MaskThreshold, cancellationToken);
            if (!inside.Contains(byte.MaxValue))
                return null;
        }

        return new DetectedRegion(image, left, top, width, height, inside)
        {
            Score = Math.Min(found.Score, 1),
            Class = found.Class,
            Label = _labels.GetValueOrDefault(found.Class) ?? found.Class.ToString(CultureInfo.InvariantCulture),
            Detector = Name,
        };
    }

    private ModelInvalidException Unfit(string what) => new($"The graph of the detector '{ModelFilePath.Printable(Name)}' {what}.");

    private static string Describe(IEnumerable<int> shape) => $"[{string.Join(", ", shape.Select(static length => length < 0 ? "any" : length.ToString(CultureInfo.InvariantCulture)))}]";
}
