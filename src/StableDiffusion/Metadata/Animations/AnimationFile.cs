using StableDiffusion.Images;
using StableDiffusion.Images.Animations;
using StableDiffusion.Settings;
using StableDiffusion.Storage;

namespace StableDiffusion.Metadata.Animations;

/// <summary>
/// Writes an animation, frame by frame. The frames wait as encoded bytes in a file beside the one to write, so that no more than
/// one of them is in memory; the animation appears when it is complete, or not at all.
/// </summary>
public sealed class AnimationFile : IDisposable
{
    private readonly AnimationOptions _options;
    private readonly AnimationEncoder _encoder;
    private readonly List<StageList> _frames = [];
    private FileStream? _spool;
    private int _width;
    private int _height;

    /// <summary>Begins an animation. Nothing is written before the first frame.</summary>
    /// <param name="path">The file; its extension determines the format: .gif, .png or .apng.</param>
    /// <param name="options">The options; null means the defaults.</param>
    /// <exception cref="InvalidSettingException">The extension is another one.</exception>
    /// <exception cref="OutputExistsException">The file exists and may not be replaced.</exception>
    /// <exception cref="OutputWriteException">The name is that of a folder, or the folder of the file neither exists nor can be created.</exception>
    public AnimationFile(string path, AnimationOptions? options = null)
    {
        _options = options ?? new AnimationOptions();
        _encoder = AnimationEncoder.Create(FormatOf(path));
        Path = System.IO.Path.GetFullPath(path);
        OutputFile.Check(Path, _options.Overwrite);
    }

    /// <summary>The full path of the file.</summary>
    public string Path { get; }

    /// <summary>The number of frames so far.</summary>
    public int Count => _frames.Count;

    /// <summary>Determines the format from the extension of a file name.</summary>
    /// <param name="path">The file name.</param>
    /// <returns>The format.</returns>
    /// <exception cref="InvalidSettingException">The extension is another one.</exception>
    public static AnimationFormat FormatOf(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return FindFormat(path) ?? throw new InvalidSettingException(nameof(Path), $"An animation cannot be written as '{path}'. End the name in .gif, .png or .apng.");
    }

    /// <summary>Whether an animation can be written to a file of a name.</summary>
    /// <param name="path">The file name.</param>
    public static bool IsName(string path) => FindFormat(path) is not null;

    /// <summary>Adds a frame.</summary>
    /// <param name="frame">The image, of the size of the first one.</param>
    /// <param name="cancellationToken">Cancels the encoding.</param>
    /// <exception cref="ImageInvalidException">The image has another size than the first one, or is too large for the format.</exception>
    /// <exception cref="OutputWriteException">The frame cannot be written.</exception>
    public void Add(DiffusionImage frame, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(frame);
        if (Math.Max(frame.Width, frame.Height) > _encoder.LongestSide)
            throw new ImageInvalidException($"An image of {frame.Width}x{frame.Height} pixels is too large for GIF, whose limit is {_encoder.LongestSide} pixels a side. Write a .png file instead.");
        if (Count > 0 && (frame.Width != _width || frame.Height != _height))
            throw new ImageInvalidException($"The image{(frame.Path is null ? string.Empty : $" '{frame.Path}'")} is {frame.Width}x{frame.Height} pixels, but the first frame is {_width}x{_height}. Give frames of one size.");
        byte[] bytes = _encoder.EncodeFrame(frame, _options.Delay, cancellationToken);
        Guard(() =>
        {
            _spool ??= Open();
            _spool.Write(bytes);
        });
        (_width, _height) = (frame.Width, frame.Height);
        _frames.Add(frame.Origin());
    }

    /// <summary>Writes the animation.</summary>
    /// <returns>The full path of the file.</returns>
    /// <exception cref="InvalidOperationException">There are no frames.</exception>
    /// <exception cref="OutputExistsException">The file exists and may not be replaced.</exception>
    /// <exception cref="OutputWriteException">The file cannot be written; no partial file remains.</exception>
    public string Complete()
    {
        if (_spool is null)
            throw new InvalidOperationException("There are no frames.");
        string record = _options.Metadata ? GenerationRecord.Write(RecordedNames.Only(Record())) : string.Empty;
        OutputFile.Write(Path, _options.Overwrite, file =>
        {
            file.Write(_encoder.EncodeStart(_width, _height, Count, _options.Loop, record));
            _spool.Position = 0;
            _spool.CopyTo(file);
            file.Write(_encoder.EncodeEnd());
        });
        return Path;
    }

    /// <summary>Deletes the frames that wait.</summary>
    public void Dispose() => _spool?.Dispose();

    private FileStream Open()
    {
        OutputFile.CreateFolder(Path);
        string folder = System.IO.Path.GetDirectoryName(Path)!;
        TemporaryFile.SweepOnce(folder);
        return new FileStream(TemporaryFile.NewIn(folder), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, bufferSize: 1 << 16, FileOptions.DeleteOnClose);
    }

    private GenerationInfo Record() => new()
    {
        Stages = new StageList().Append(new GenerationStage
        {
            Operation = StageOperation.Animate,
            Settings = new OrderedDictionary<string, object>(StringComparer.Ordinal) { [nameof(AnimationOptions.Delay)] = (long)_options.Delay, [nameof(AnimationOptions.Loop)] = (long)_options.Loop },
            Inputs = new Dictionary<string, IReadOnlyList<StageList>>(StringComparer.Ordinal) { ["Image"] = _frames },
        }),
    };

    private void Guard(Action write)
    {
        try
        {
            write();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new OutputWriteException($"The file '{Path}' cannot be written: {Sentence.Of(error)} Make sure that the folder is writable and that the disk has enough space.", error);
        }
    }

    private static AnimationFormat? FindFormat(string path) => System.IO.Path.GetExtension(path).ToUpperInvariant() switch
    {
        ".GIF" => AnimationFormat.Gif,
        ".PNG" or ".APNG" => AnimationFormat.Png,
        _ => null,
    };
}
