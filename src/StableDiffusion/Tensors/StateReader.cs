using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using StableDiffusion.Storage;

namespace StableDiffusion.Tensors;

/// <summary>
/// Reads back what <see cref="StateWriter"/> wrote. The file may come from anywhere: a value has to be what its reader can work
/// with, and the file must hold nothing that nobody asks for.
/// </summary>
internal sealed class StateReader : StateTransfer
{
    internal const string FormatText = "format";
    internal const string StateText = "state";
    internal const string VersionValue = "format_version";

    /// <summary>As many values as the pixels of the largest images have, with room to spare.</summary>
    private const long MostValues = 1 << 28;

    private readonly ITensorFile _file;
    private readonly Dictionary<string, JsonElement> _values;
    private readonly HashSet<string> _texts;
    private readonly HashSet<string> _tensors;
    private readonly string _prefix = string.Empty;

    /// <summary>Reads the state of a file.</summary>
    /// <param name="file">The file, which must stay open.</param>
    /// <param name="format">The name of the format that is expected.</param>
    /// <param name="version">The version of the format.</param>
    /// <param name="what">The object that is expected, for messages.</param>
    /// <exception cref="ModelInvalidException">It is a file of another format or version, or damaged.</exception>
    public StateReader(ITensorFile file, string format, int version, string what)
    {
        _file = file;
        _texts = [.. file.Metadata.Keys];
        _tensors = [.. file.Tensors.Keys];
        if (FindText(FormatText) != format)
            throw new ModelInvalidException($"There is no {what} in '{file.Path}'. Give a file that holds one.");

        JsonElement state = ModelJson.ParseObject(Encoding.UTF8.GetBytes(Text(StateText)), $"The state in '{file.Path}'");
        _values = state.EnumerateObject().ToDictionary(static value => value.Name, static value => value.Value, StringComparer.Ordinal);
        int written = 0;
        Count(VersionValue, ref written, int.MaxValue);
        if (written != version)
            throw new ModelInvalidException($"'{file.Path}' is of version {written} of its format, and this library reads version {version}. Use the version that wrote it, or a later one.");
    }

    private StateReader(StateReader whole, string prefix)
    {
        _prefix = prefix;
        (_file, _values, _texts, _tensors) = (whole._file, whole._values, whole._texts, whole._tensors);
    }

    /// <summary>Whether the file has a part.</summary>
    /// <param name="name">The part's name.</param>
    public bool HasPart(string name)
    {
        string start = $"{_prefix}{name}.";
        return _values.Keys.Concat(_tensors).Any(known => known.StartsWith(start, StringComparison.Ordinal));
    }

    /// <summary>Reads a text.</summary>
    /// <param name="name">Its name.</param>
    /// <exception cref="ModelInvalidException">There is none.</exception>
    public string Text(string name) => FindText(name) ?? throw Invalid($"has no '{name}'");

    /// <summary>Reads an object that was written as JSON.</summary>
    /// <param name="name">Its name.</param>
    /// <exception cref="ModelInvalidException">There is none, or it is damaged.</exception>
    public T Json<T>(string name)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize<T>(Text(name), StateFile.Json) ?? throw Invalid($"has an empty '{name}'");
        }
        catch (JsonException error)
        {
            throw Invalid($"has a '{name}' that cannot be read: {ModelJson.Fault(error)}");
        }
    }

    /// <summary>Reads a text.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>The text; null if there is none.</returns>
    public string? FindText(string name) => _texts.Remove(_prefix + name) ? _file.Metadata[_prefix + name] : null;

    /// <summary>Reads a tensor whose values are finite and not far beyond those of models.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="shape">Its shape; -1 for an axis of any length of 1 or more.</param>
    /// <exception cref="ModelInvalidException">There is none, or it has another shape or a value that is not finite.</exception>
    public Tensor Tensor(string name, params ReadOnlySpan<int> shape) => FindTensor(name, shape) ?? throw Invalid($"has no tensor '{_prefix}{name}'");

    /// <summary>Reads a tensor whose values are finite and not far beyond those of models.</summary>
    /// <returns>The tensor; null if there is none.</returns>
    /// <inheritdoc cref="Tensor"/>
    public Tensor? FindTensor(string name, params ReadOnlySpan<int> shape)
    {
        string full = _prefix + name;
        if (!_tensors.Remove(full))
            return null;

        // The shape bounds the memory, so it is checked before anything is read.
        StoredTensor stored = _file.Find(full);
        bool fits = stored.Shape.Count == shape.Length && stored.Count <= MostValues;
        for (int axis = 0; fits && axis < shape.Length; axis++)
            fits = shape[axis] == -1 ? stored.Shape[axis] > 0 : stored.Shape[axis] == shape[axis];
        if (!fits)
            throw Invalid($"has the tensor '{full}' in the shape {stored.ShapeText}, which must be [{Tensors.Tensor.Describe(shape)}]");

        Tensor tensor = _file.Read(full);

        // What a scheduler keeps for its next step can be larger than any latent.
        string? found = _prefix.Length == 0 ? tensor.FindUnusable() : tensor.IsFinite() ? null : "NaN or infinite";
        return found is string fault ? throw Invalid($"has a value that is {fault}, in the tensor '{full}'") : tensor;
    }

    /// <summary>Throws if the file holds more than was read.</summary>
    /// <exception cref="ModelInvalidException">A text, a tensor or a value was not read.</exception>
    public void CheckAllRead()
    {
        if (_texts.Count + _tensors.Count + _values.Count > 0)
            throw Invalid("holds a text, a tensor or a value that does not belong there");
    }

    /// <summary>The error for a file that cannot be used.</summary>
    /// <param name="fault">What it is or has.</param>
    public ModelInvalidException Invalid(string fault) => new($"'{_file.Path}' {fault}. Get the file again.");

    /// <inheritdoc/>
    public override StateReader Part(string name) => new(this, $"{_prefix}{name}.");

    /// <inheritdoc/>
    public override void Count(string name, ref int value, int highest) =>
        value = Value(name) is { ValueKind: JsonValueKind.Number } number && number.TryGetInt32(out int count) && count >= 0 && count <= highest
            ? count
            : throw Invalid($"has no '{_prefix}{name}' from 0 to {highest}");

    /// <inheritdoc/>
    public override void Number(string name, ref double? value)
    {
        if (Value(name) is not JsonElement element)
            value = null;
        else if (element.ValueKind == JsonValueKind.Number && element.TryGetDouble(out double number) && double.IsFinite(number))
            value = number;
        else
            throw Invalid($"has a '{_prefix}{name}' that is not a number");
    }

    /// <inheritdoc/>
    public override void Bits(string name, Span<uint> words)
    {
        Span<byte> bytes = MemoryMarshal.AsBytes(words);
        if (Value(name) is not { ValueKind: JsonValueKind.String } text || !text.TryGetBytesFromBase64(out byte[]? read) || read.Length != bytes.Length)
            throw Invalid($"has no '{_prefix}{name}' of {bytes.Length} bytes");
        read.CopyTo(bytes);
    }

    /// <inheritdoc/>
    public override void Values(string name, ref float[]? values, int length, bool isRequired) =>
        values = isRequired ? Tensor(name, length).Values : FindTensor(name, length)?.Values;

    private JsonElement? Value(string name) => _values.Remove(_prefix + name, out JsonElement value) ? value : null;
}
