using System.Globalization;
using System.Numerics;

namespace StableDiffusion.Tensors.Torch;

/// <summary>
/// The tensors of a saved value by name. For nested dictionaries the keys are joined by dots, as <c>state_dict</c> itself
/// names the parts of modules. Of a trainer's checkpoint only the model's state is read.
/// </summary>
internal sealed class StateDictionary
{
    private const string StateKey = "state_dict";

    private readonly string _path;
    private readonly PickleBudget _budget;
    private readonly Dictionary<string, TorchTensor> _tensors = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _metadata = new(StringComparer.Ordinal);

    private StateDictionary(string path, PickleBudget budget)
    {
        _path = path;
        _budget = budget;
    }

    public IReadOnlyDictionary<string, TorchTensor> Tensors => _tensors;

    /// <summary>The numbers and strings beside the tensors at the top level, such as an embedding's <c>name</c>.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _metadata;

    /// <summary>Collects the tensors of a saved value.</summary>
    /// <exception cref="ModelInvalidException">There are no tensors, two with the same name, or more than a model has.</exception>
    public static StateDictionary From(string path, object? root, PickleBudget budget)
    {
        if (root is not PickleDictionary top)
            throw new ModelInvalidException($"'{path}' has no dictionary of tensors, so they have no names. Save the model's state_dict.");

        StateDictionary state = new(path, budget);
        state.ReadMetadata(top);
        state.Add("", top.TryGet(StateKey, budget, out object? inner) && inner is PickleDictionary model ? model : top, depth: 0);
        return state._tensors.Count > 0
            ? state
            : throw new ModelInvalidException($"'{path}' is a PyTorch file without tensors. Get the model's weights.");
    }

    private void ReadMetadata(PickleDictionary top)
    {
        foreach ((object? key, object? value) in top.Entries)
        {
            _budget.TakeOperation();
            if (key is not string name || value is not (string or bool or long or double or BigInteger))
                continue;

            // The pickle may use one long key, or one large number, for many entries.
            _budget.TakeText(name.Length);
            if (value is not string)
                _budget.TakeText(MaxDigits(value));
            _metadata[name] = Convert.ToString(value, CultureInfo.InvariantCulture)!;
        }
    }

    private static int MaxDigits(object number) => number is BigInteger large ? 3 * large.GetByteCount() : 32;

    private void Add(string name, object? value, int depth)
    {
        switch (value)
        {
            case TorchTensor tensor:
                if (_tensors.Count == PickleBudget.MaxTensors)
                    throw _budget.Exceeded($"more than {PickleBudget.MaxTensors} tensors");
                _budget.TakeObject(160);
                if (!_tensors.TryAdd(name, tensor))
                    throw new ModelInvalidException($"'{_path}' has two tensors '{name}'. Get the file from another source.");
                break;
            case PickleDictionary dictionary:
                CheckDepth(depth);
                foreach ((object? key, object? inner) in dictionary.Entries)
                {
                    _budget.TakeOperation();

                    // Other keys, such as a callback's class, are not part of names.
                    if (inner is TorchTensor or PickleDictionary or List<object?> or object?[]
                        && (key as string ?? (key as long?)?.ToString(CultureInfo.InvariantCulture)) is string part)
                    {
                        Add(Join(name, part), inner, depth + 1);
                    }
                }

                break;
            case IReadOnlyList<object?> list:
                CheckDepth(depth);
                for (int i = 0; i < list.Count; i++)
                {
                    _budget.TakeOperation();
                    if (list[i] is TorchTensor or PickleDictionary or List<object?> or object?[])
                        Add(Join(name, i.ToString(CultureInfo.InvariantCulture)), list[i], depth + 1);
                }

                break;
        }
    }

    private void CheckDepth(int depth)
    {
        if (depth == PickleBudget.MaxDepth)
            throw _budget.Exceeded($"dictionaries nested deeper than {PickleBudget.MaxDepth}");
    }

    private string Join(string name, string part)
    {
        int length = name.Length + 1 + part.Length;
        if (length > PickleBudget.MaxNameLength)
            throw _budget.Exceeded($"a name of {length} characters");
        if (name.Length == 0)
            return part;
        _budget.TakeText(length);
        return $"{name}.{part}";
    }
}
