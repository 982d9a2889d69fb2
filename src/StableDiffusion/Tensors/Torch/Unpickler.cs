using System.Numerics;
using System.Text;

namespace StableDiffusion.Tensors.Torch;

/// <summary>
/// Reads a pickle (https://docs.python.org/3/library/pickle.html, protocols 2 to 5) of dictionaries, lists, tuples, strings,
/// numbers and tensors. A pickle is a program for a stack machine. This one has no opcode and no function by which a file
/// could do more than describe data, and refuses all others by name. It does not recurse, and its resources are limited.
/// </summary>
/// <remarks>
/// Values are null (None), bool, long, <see cref="BigInteger"/> beyond 64 bits, double, string, object[] (tuple),
/// <see cref="List{T}"/>, <see cref="PickleDictionary"/>, <see cref="PickleGlobal"/>, <see cref="TorchStorage"/>,
/// <see cref="TorchTensor"/> and <see cref="PickleOpaque"/>.
/// </remarks>
internal sealed class Unpickler(PickleReader reader, PickleBudget budget, TorchObjects objects)
{
    private const int MaxNumberBytes = 255;
    private const int MaxNameLength = 200;

    private static readonly object s_true = true;
    private static readonly object s_false = false;

    private readonly PickleStack _stack = new(reader, budget);
    private PickleOpcode _opcode;
    private long _position;

    /// <summary>Reads one pickle, up to the byte after its STOP.</summary>
    /// <returns>The value that it describes.</returns>
    /// <exception cref="ModelInvalidException">The pickle is damaged, or too large.</exception>
    /// <exception cref="UnsafeFileException">It names a function or class that tensor files do not need.</exception>
    public object? Read()
    {
        _stack.Clear();
        do
        {
            budget.TakeOperation();
            _position = reader.Position;
            _opcode = (PickleOpcode)reader.ReadByte();
            Step();
        }
        while (_opcode != PickleOpcode.Stop);

        object? value = _stack.Pop();
        return _stack.IsEmpty ? value : throw reader.Invalid("the pickle stops before it is complete");
    }

    private void Step()
    {
        switch (_opcode)
        {
            case PickleOpcode.Stop:
                break;
            case PickleOpcode.Proto:
                byte protocol = reader.ReadByte();
                if (protocol is < 2 or > 5)
                    throw reader.Invalid($"the pickle's protocol is {protocol}, but 2 to 5 are supported");
                break;
            case PickleOpcode.Frame:
                // The length of the frame that follows; all of it is in memory.
                reader.ReadUInt64();
                break;
            case PickleOpcode.Mark:
                _stack.Mark();
                break;
            case PickleOpcode.Pop:
                _stack.PopValueOrMark();
                break;
            case PickleOpcode.PopMark:
                _stack.Drop(_stack.TakeMark());
                break;

            case PickleOpcode.None:
                _stack.Push(null);
                break;
            case PickleOpcode.Newtrue:
                _stack.Push(s_true);
                break;
            case PickleOpcode.Newfalse:
                _stack.Push(s_false);
                break;
            case PickleOpcode.Binint:
                PushNumber(reader.ReadInt32());
                break;
            case PickleOpcode.Binint1:
                PushNumber(reader.ReadByte());
                break;
            case PickleOpcode.Binint2:
                PushNumber(reader.ReadUInt16());
                break;
            case PickleOpcode.Long1:
                PushLong(reader.ReadByte());
                break;
            case PickleOpcode.Long4:
                PushLong(reader.ReadInt32());
                break;
            case PickleOpcode.Binfloat:
                budget.TakeObject(24);
                _stack.Push(reader.ReadDouble());
                break;

            case PickleOpcode.ShortBinunicode:
                PushText(reader.ReadByte(), Encoding.UTF8);
                break;
            case PickleOpcode.Binunicode:
                PushText(reader.ReadUInt32(), Encoding.UTF8);
                break;
            case PickleOpcode.Binunicode8:
                PushText(reader.ReadUInt64(), Encoding.UTF8);
                break;
            case PickleOpcode.ShortBinstring:
                PushText(reader.ReadByte(), Encoding.Latin1);
                break;
            case PickleOpcode.Binstring:
                PushText(reader.ReadUInt32(), Encoding.Latin1);
                break;
            case PickleOpcode.ShortBinbytes:
                SkipBytes(reader.ReadByte());
                break;
            case PickleOpcode.Binbytes:
                SkipBytes(reader.ReadUInt32());
                break;
            case PickleOpcode.Binbytes8 or PickleOpcode.Bytearray8:
                SkipBytes(reader.ReadUInt64());
                break;

            case PickleOpcode.EmptyTuple:
                _stack.Push(Array.Empty<object?>());
                break;
            case PickleOpcode.Tuple1:
                PushTuple(_stack.Count - 1);
                break;
            case PickleOpcode.Tuple2:
                PushTuple(_stack.Count - 2);
                break;
            case PickleOpcode.Tuple3:
                PushTuple(_stack.Count - 3);
                break;
            case PickleOpcode.Tuple:
                PushTuple(_stack.TakeMark());
                break;
            case PickleOpcode.EmptyList:
                budget.TakeObject(56);
                _stack.Push(new List<object?>());
                break;
            case PickleOpcode.Append:
                Append(_stack.Count - 1);
                break;
            case PickleOpcode.Appends:
                Append(_stack.TakeMark());
                break;
            case PickleOpcode.EmptyDict:
                budget.TakeObject(160);
                _stack.Push(new PickleDictionary());
                break;
            case PickleOpcode.Setitem:
                SetItems(_stack.Count - 2);
                break;
            case PickleOpcode.Setitems:
                SetItems(_stack.TakeMark());
                break;
            case PickleOpcode.EmptySet:
                _stack.Push(PickleOpaque.Instance);
                break;
            case PickleOpcode.Additems:
                _stack.Drop(_stack.TakeMark());
                if (_stack.Peek() is not PickleOpaque)
                    throw reader.Invalid("items are added to something other than a set");
                break;
            case PickleOpcode.Frozenset:
                _stack.Drop(_stack.TakeMark());
                _stack.Push(PickleOpaque.Instance);
                break;

            case PickleOpcode.Binput:
                _stack.Remember(reader.ReadByte());
                break;
            case PickleOpcode.LongBinput:
                _stack.Remember(reader.ReadUInt32());
                break;
            case PickleOpcode.Memoize:
                _stack.Remember();
                break;
            case PickleOpcode.Binget:
                _stack.Recall(reader.ReadByte());
                break;
            case PickleOpcode.LongBinget:
                _stack.Recall(reader.ReadUInt32());
                break;

            case PickleOpcode.Global:
                string module = ReadName();
                PushGlobal(module, ReadName());
                break;
            case PickleOpcode.StackGlobal:
                if (_stack.Pop() is not string name || _stack.Pop() is not string moduleName)
                    throw reader.Invalid("a function or class is named by something other than strings");
                PushGlobal(moduleName, name);
                break;
            case PickleOpcode.Binpersid:
                _stack.Push(objects.MakeStorage(_stack.Pop()));
                break;
            case PickleOpcode.Reduce:
                Reduce();
                break;
            case PickleOpcode.Newobj:
                Construct();
                break;
            case PickleOpcode.Build:
                Build();
                break;

            case PickleOpcode.Inst:
                throw Refuse($"{ReadName()}.{ReadName()}");
            case PickleOpcode.Obj:
                int first = _stack.TakeMark();
                throw Refuse(_stack.From(first) is [var type, ..] ? Describe(type) : "nothing");
            case PickleOpcode.NewobjEx:
                _stack.Pop();
                _stack.Pop();
                throw Refuse(Describe(_stack.Pop()));
            case PickleOpcode.Ext1:
                throw Refuse($"copyreg extension {reader.ReadByte()}");
            case PickleOpcode.Ext2:
                throw Refuse($"copyreg extension {reader.ReadUInt16()}");
            case PickleOpcode.Ext4:
                throw Refuse($"copyreg extension {reader.ReadInt32()}");
            case PickleOpcode.Persid:
                throw Refuse($"persistent id {ReadName()}");
            default:
                throw reader.Invalid($"0x{(byte)_opcode:X2} is not an opcode of a PyTorch file");
        }
    }

    private void PushNumber(long number)
    {
        budget.TakeObject(24);
        _stack.Push(number);
    }

    private void PushLong(int length)
    {
        if (length is < 0 or > MaxNumberBytes)
            throw reader.Invalid($"a number claims {length} bytes");

        BigInteger number = new(reader.Read(length));
        budget.TakeObject(64 + length);
        _stack.Push(number >= long.MinValue && number <= long.MaxValue ? (object)(long)number : number);
    }

    private void PushText(ulong length, Encoding encoding)
    {
        // The length is checked against the file, then against the limit on text, before the string is created.
        long start = reader.Position;
        reader.Skip(length);
        budget.TakeText((long)length);
        _stack.Push(encoding.GetString(reader.Reread(start, (int)length)));
    }

    private void SkipBytes(ulong length)
    {
        reader.Skip(length);
        _stack.Push(PickleOpaque.Instance);
    }

    private void PushTuple(int from)
    {
        ReadOnlySpan<object?> values = _stack.From(from);
        budget.TakeObject(24 + 8 * values.Length);
        object?[] tuple = values.ToArray();
        _stack.Drop(from);
        _stack.Push(tuple);
    }

    private void Append(int from)
    {
        // The list or dictionary is below the values.
        if (_stack.From(from - 1) is not [List<object?> list, .. ReadOnlySpan<object?> values])
            throw reader.Invalid("values are appended to something other than a list");

        budget.TakeObject(16 * values.Length);
        list.AddRange(values);
        _stack.Drop(from);
    }

    private void SetItems(int from)
    {
        if (_stack.From(from - 1) is not [PickleDictionary dictionary, .. ReadOnlySpan<object?> values] || values.Length % 2 != 0)
            throw reader.Invalid("keys and values are set in something other than a dictionary");

        budget.TakeObject(16 * values.Length);
        for (int i = 0; i < values.Length; i += 2)
            dictionary.Entries.Add((values[i], values[i + 1]));
        _stack.Drop(from);
    }

    private string ReadName()
    {
        ReadOnlySpan<byte> line = reader.ReadLine();
        budget.TakeText(line.Length);
        return Encoding.UTF8.GetString(line);
    }

    private void PushGlobal(string module, string name) =>
        _stack.Push(TorchGlobals.Find(module, name) ?? throw Refuse($"{module}.{name}"));

    private void Reduce()
    {
        object? arguments = _stack.Pop();
        object? function = _stack.Pop();
        if (function is not PickleGlobal global)
            throw Refuse(Describe(function));
        if (arguments is not object?[] tuple)
            throw reader.Invalid("a call's arguments are not a tuple");
        _stack.Push(objects.Call(global, tuple) ?? throw Refuse(global.Name));
    }

    private void Construct()
    {
        object? arguments = _stack.Pop();
        object? type = _stack.Pop();
        if (type is not PickleGlobal { Kind: PickleGlobalKind.ParameterDictionary } || arguments is not object?[] { Length: 0 })
            throw Refuse(Describe(type));
        budget.TakeObject(160);
        _stack.Push(new PickleDictionary(PickleGlobalKind.ParameterDictionary));
    }

    /// <summary>Sets the attributes of an object. They matter only for a torch module whose entries are among them.</summary>
    private void Build()
    {
        object? state = _stack.Pop();
        switch (_stack.Peek())
        {
            case PickleDictionary { Kind: PickleGlobalKind.OrderedDictionary } when state is PickleDictionary:
            case PickleOpaque:
                break;
            case PickleDictionary { Kind: PickleGlobalKind.ParameterDictionary } parameters when state is PickleDictionary attributes:
                if (!attributes.TryGet("_parameters", budget, out object? held) || held is not PickleDictionary source)
                    throw reader.Invalid("a ParameterDict has no parameters");
                budget.TakeObject(32 * source.Entries.Count);
                parameters.Entries.AddRange(source.Entries);
                break;
            case var target:
                throw Refuse(Describe(target));
        }
    }

    private UnsafeFileException Refuse(string globalName) => new(reader.Path, OpcodeName(), PrintableText.Of(globalName, MaxNameLength), _position);

    private string OpcodeName()
    {
        StringBuilder name = new();
        foreach (char letter in _opcode.ToString())
        {
            if (char.IsUpper(letter) && name.Length > 0)
                name.Append('_');
            name.Append(char.ToUpperInvariant(letter));
        }

        return name.ToString();
    }

    private static string Describe(object? value) => value switch
    {
        null => "None",
        PickleGlobal global => global.Name,
        PickleDictionary { Kind: PickleGlobalKind.OrderedDictionary } => "collections.OrderedDict",
        PickleDictionary { Kind: PickleGlobalKind.ParameterDictionary } => "torch.nn.modules.container.ParameterDict",
        PickleDictionary => "dict",
        List<object?> => "list",
        object?[] => "tuple",
        string => "str",
        long or BigInteger => "int",
        double => "float",
        bool => "bool",
        TorchStorage => "torch.storage.TypedStorage",
        TorchTensor => "torch.Tensor",
        _ => "an object",
    };
}
