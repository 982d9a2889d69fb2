using System.Collections.Frozen;

namespace StableDiffusion.Tensors.Torch;

/// <summary>
/// The only functions and classes that a file may name. Those of torch are what <c>torch.save</c> writes for tensors; the
/// others occur in published checkpoints: the state of a trainer's callbacks and optimizers, with NumPy numbers and, in
/// protocol 2, bytes and sets. These are skipped.
/// </summary>
internal static class TorchGlobals
{
    private static readonly FrozenDictionary<(string Module, string Name), PickleGlobal> s_allowed = All().ToFrozenDictionary();

    /// <summary>Finds the global with exactly this module and name; null if it is not allowed.</summary>
    public static PickleGlobal? Find(string module, string name) => s_allowed.GetValueOrDefault((module, name));

    private static Dictionary<(string Module, string Name), PickleGlobal> All()
    {
        Dictionary<(string, string), PickleGlobal> all = [];
        void Add(string module, string name, PickleGlobalKind kind, StoredElementType? type = null) =>
            all.Add((module, name), new PickleGlobal($"{module}.{name}", kind, type));

        Add("collections", "OrderedDict", PickleGlobalKind.OrderedDictionary);
        Add("torch.nn.modules.container", "ParameterDict", PickleGlobalKind.ParameterDictionary);
        Add("torch._utils", "_rebuild_tensor", PickleGlobalKind.Tensor);
        Add("torch._utils", "_rebuild_tensor_v2", PickleGlobalKind.Tensor);
        Add("torch._utils", "_rebuild_tensor_v3", PickleGlobalKind.TypedTensor);
        Add("torch._utils", "_rebuild_parameter", PickleGlobalKind.Parameter);
        Add("torch", "Size", PickleGlobalKind.Size);

        Add("torch", "DoubleStorage", PickleGlobalKind.Storage, StoredElementType.F64);
        Add("torch", "FloatStorage", PickleGlobalKind.Storage, StoredElementType.F32);
        Add("torch", "HalfStorage", PickleGlobalKind.Storage, StoredElementType.F16);
        Add("torch", "BFloat16Storage", PickleGlobalKind.Storage, StoredElementType.BF16);
        Add("torch", "LongStorage", PickleGlobalKind.Storage, StoredElementType.I64);
        Add("torch", "IntStorage", PickleGlobalKind.Storage, StoredElementType.I32);
        Add("torch", "ShortStorage", PickleGlobalKind.Storage, StoredElementType.I16);
        Add("torch", "CharStorage", PickleGlobalKind.Storage, StoredElementType.I8);
        Add("torch", "ByteStorage", PickleGlobalKind.Storage, StoredElementType.U8);
        Add("torch", "BoolStorage", PickleGlobalKind.Storage, StoredElementType.Bool);
        Add("torch.storage", "UntypedStorage", PickleGlobalKind.Storage, StoredElementType.U8);
        foreach (string name in (string[])["ComplexFloatStorage", "ComplexDoubleStorage", "QInt8Storage", "QUInt8Storage", "QInt32Storage"])
            Add("torch", name, PickleGlobalKind.Storage);

        Add("torch", "float64", PickleGlobalKind.ElementType, StoredElementType.F64);
        Add("torch", "float32", PickleGlobalKind.ElementType, StoredElementType.F32);
        Add("torch", "float16", PickleGlobalKind.ElementType, StoredElementType.F16);
        Add("torch", "bfloat16", PickleGlobalKind.ElementType, StoredElementType.BF16);
        Add("torch", "float8_e4m3fn", PickleGlobalKind.ElementType, StoredElementType.F8E4M3);
        Add("torch", "float8_e5m2", PickleGlobalKind.ElementType, StoredElementType.F8E5M2);
        Add("torch", "int64", PickleGlobalKind.ElementType, StoredElementType.I64);
        Add("torch", "int32", PickleGlobalKind.ElementType, StoredElementType.I32);
        Add("torch", "int16", PickleGlobalKind.ElementType, StoredElementType.I16);
        Add("torch", "int8", PickleGlobalKind.ElementType, StoredElementType.I8);
        Add("torch", "uint8", PickleGlobalKind.ElementType, StoredElementType.U8);
        Add("torch", "bool", PickleGlobalKind.ElementType, StoredElementType.Bool);
        foreach (string name in (string[])["complex64", "complex128", "float8_e4m3fnuz", "float8_e5m2fnuz", "uint16", "uint32", "uint64"])
            Add("torch", name, PickleGlobalKind.ElementType);

        Add("torch", "device", PickleGlobalKind.OpaqueCall);
        Add("collections", "Counter", PickleGlobalKind.OpaqueCall);
        Add("_codecs", "encode", PickleGlobalKind.OpaqueCall);
        foreach (string module in (string[])["__builtin__", "builtins"])
        {
            Add(module, "set", PickleGlobalKind.OpaqueCall);
            Add(module, "frozenset", PickleGlobalKind.OpaqueCall);
            Add(module, "bytes", PickleGlobalKind.OpaqueCall);
        }

        Add("numpy", "dtype", PickleGlobalKind.OpaqueCall);
        Add("numpy", "ndarray", PickleGlobalKind.OpaqueName);
        foreach (string module in (string[])["numpy.core.multiarray", "numpy._core.multiarray"])
        {
            Add(module, "scalar", PickleGlobalKind.OpaqueCall);
            Add(module, "_reconstruct", PickleGlobalKind.OpaqueCall);
        }

        Add("pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint", PickleGlobalKind.OpaqueName);
        Add("pytorch_lightning.callbacks.early_stopping", "EarlyStopping", PickleGlobalKind.OpaqueName);
        return all;
    }
}
