using System.Runtime.InteropServices;
using System.Text.Json;

namespace StableDiffusion.Tensors;

/// <summary>Collects the tensors, the texts and the state of an object, and writes them as a safetensors file.</summary>
internal sealed class StateWriter : StateTransfer
{
    private readonly string _prefix = string.Empty;
    private readonly SortedDictionary<string, Tensor> _tensors;
    private readonly SortedDictionary<string, object> _values;
    private readonly SortedDictionary<string, string> _texts;

    /// <summary>Creates a writer without contents.</summary>
    /// <param name="format">The name of the format, which says what the object is.</param>
    /// <param name="version">The version of the format.</param>
    public StateWriter(string format, int version)
    {
        _tensors = new(StringComparer.Ordinal);
        _values = new(StringComparer.Ordinal) { [StateReader.VersionValue] = version };
        _texts = new(StringComparer.Ordinal) { [StateReader.FormatText] = format };
    }

    private StateWriter(StateWriter whole, string prefix)
    {
        _prefix = prefix;
        (_tensors, _values, _texts) = (whole._tensors, whole._values, whole._texts);
    }

    /// <summary>Adds a tensor.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="tensor">The tensor; null for none.</param>
    public void Add(string name, Tensor? tensor)
    {
        if (tensor is not null)
            _tensors.Add(_prefix + name, tensor);
    }

    /// <summary>Adds a text.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="text">The text; an empty one is left out.</param>
    public void Add(string name, string text)
    {
        if (text.Length > 0)
            _texts.Add(_prefix + name, text);
    }

    /// <summary>Adds an object as JSON.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="value">The object.</param>
    public void AddJson<T>(string name, T value) => Add(name, JsonSerializer.Serialize(value, StateFile.Json));

    /// <summary>The file in memory.</summary>
    public byte[] ToBytes()
    {
        using MemoryStream stream = new();
        Write(stream);
        return stream.ToArray();
    }

    /// <summary>Writes the file.</summary>
    /// <param name="stream">Receives it.</param>
    public void Write(Stream stream)
    {
        _texts[StateReader.StateText] = JsonSerializer.Serialize(_values);
        SafetensorsFile.Write(stream, _tensors, _texts);
    }

    /// <inheritdoc/>
    public override StateWriter Part(string name) => new(this, $"{_prefix}{name}.");

    /// <inheritdoc/>
    public override void Count(string name, ref int value, int highest) => _values.Add(_prefix + name, value);

    /// <inheritdoc/>
    public override void Number(string name, ref double? value)
    {
        if (value is double number)
            _values.Add(_prefix + name, number);
    }

    /// <inheritdoc/>
    public override void Bits(string name, Span<uint> words) => _values.Add(_prefix + name, Convert.ToBase64String(MemoryMarshal.AsBytes(words)));

    /// <inheritdoc/>
    public override void Values(string name, ref float[]? values, int length, bool isRequired)
    {
        if (values is not null)
            Add(name, new Tensor(values, length));
    }
}
