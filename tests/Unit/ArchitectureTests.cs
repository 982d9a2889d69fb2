using Mono.Cecil;
using Mono.Cecil.Cil;
using StableDiffusion.Storage;

namespace StableDiffusion.Tests;

/// <summary>
/// The order of the engine's rooms. It is read from the compiled assembly, in which constants stand for themselves and
/// references of doc comments do not appear.
/// </summary>
public sealed class ArchitectureTests
{
    private const int MostFiles = 30;
    private const string Engine = "StableDiffusion";

    // A room uses only those before it. The exceptions lie in the root namespace.
    private static readonly string[] s_rooms =
    [
        "Errors", "Storage", "Tensors", "Weights", "Onnx", "Noise", "Sampling", "Prompts", "Settings", "Images", "Metadata", "Comparison", "Text",
        "Networks", "Families", "Building", "Adapters", "Autoencoding", "Denoising", "Running", "Upscaling", "Detecting", "Pipelines", "Quantization", "Hub", "Library", "Replaying", "Manifests", "Batches", "Reports",
    ];

    private static readonly string s_source = Path.Combine(Repository.Root, "src", Engine);

    [Fact]
    public void A_room_uses_only_rooms_before_it()
    {
        using ModuleDefinition module = ModuleDefinition.ReadModule(typeof(DiffusionException).Assembly.Location);
        SortedSet<string> upward = new(StringComparer.Ordinal);
        foreach (TypeDefinition type in module.GetTypes().Where(type => RoomOf(type) is not null))
        {
            foreach (TypeReference used in TypesUsedBy(type).SelectMany(Parts).Where(used => Array.IndexOf(s_rooms, RoomOf(used)) > Array.IndexOf(s_rooms, RoomOf(type))))
                upward.Add($"{Outermost(type).FullName} uses {Outermost(used).FullName}");
        }

        Assert.True(upward.Count == 0, string.Join(Environment.NewLine, upward));
    }

    [Fact]
    public void Only_the_library_and_the_hub_ask_the_environment_for_folders()
    {
        using ModuleDefinition module = ModuleDefinition.ReadModule(typeof(DiffusionException).Assembly.Location);
        IEnumerable<string?> rooms = module.GetTypes()
            .Where(type => type.Methods.Any(method => method.HasBody && method.Body.Instructions.Any(IsRead)))
            .Select(RoomOf).Distinct();
        Assert.Equal(["Hub", "Library"], rooms.Order(StringComparer.Ordinal));

        static bool IsRead(Instruction instruction) =>
            instruction.Operand is MethodReference { Name: nameof(StorageFolders.FromEnvironment), DeclaringType.Name: nameof(StorageFolders) };
    }

    [Fact]
    public void Files_are_read_only_in_a_way_that_refuses_pipes_and_devices()
    {
        using ModuleDefinition module = ModuleDefinition.ReadModule(typeof(DiffusionException).Assembly.Location);
        IEnumerable<string> readers = module.GetTypes()
            .Where(type => type.Methods.Any(method => method.HasBody && method.Body.Instructions.Any(IsRead)))
            .Select(type => Outermost(type).Name).Distinct();
        Assert.Equal([nameof(RegularFile)], readers);

        static bool IsRead(Instruction instruction) => instruction.Operand is MethodReference { DeclaringType.FullName: "System.IO.File" } method
            && (method.Name.StartsWith("Read", StringComparison.Ordinal) || method.Name.StartsWith("Open", StringComparison.Ordinal));
    }

    [Fact]
    public void Every_namespace_belongs_to_a_room()
    {
        using ModuleDefinition module = ModuleDefinition.ReadModule(typeof(DiffusionException).Assembly.Location);
        Assert.Equal(s_rooms.Order(StringComparer.Ordinal), module.Types.Select(RoomOf).OfType<string>().Distinct().Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Every_folder_belongs_to_a_room_and_holds_few_files()
    {
        IEnumerable<string> folders = Directory.EnumerateDirectories(s_source).Select(folder => Path.GetFileName(folder)).Where(name => name is not ("bin" or "obj"));
        Assert.Superset(folders.ToHashSet(), s_rooms.ToHashSet());
        Assert.All(
            s_rooms.SelectMany(room => (string[])[room, .. Directory.EnumerateDirectories(Path.Combine(s_source, room), "*", SearchOption.AllDirectories)]),
            folder => Assert.InRange(Directory.EnumerateFiles(Path.Combine(s_source, folder), "*.cs").Count(), 0, MostFiles));
    }

    [Fact]
    public void The_documentation_lists_the_rooms_in_their_order()
    {
        IEnumerable<string> section = File.ReadLines(Path.Combine(Repository.Root, "docs", "architecture.md"))
            .SkipWhile(line => line != "## The rooms of the engine").Skip(1).TakeWhile(line => !line.StartsWith("## ", StringComparison.Ordinal));
        Assert.Equal(s_rooms, section.Where(line => line.StartsWith("| `", StringComparison.Ordinal)).Select(line => line.Split('`')[1]));
    }

    /// <summary>The types in a type's declaration and in the bodies of its methods; types nested in it are looked at by themselves.</summary>
    private static IEnumerable<TypeReference?> TypesUsedBy(TypeDefinition type) =>
    [
        type.BaseType,
        .. type.Interfaces.Select(item => item.InterfaceType),
        .. Constraints(type),
        .. type.Fields.Select(field => field.FieldType),
        .. Attributes(type), .. type.Fields.SelectMany(Attributes), .. type.Properties.SelectMany(Attributes), .. type.Methods.SelectMany(Attributes),
        .. type.Methods.SelectMany(method => (IEnumerable<TypeReference>)[.. Signature(method), .. Constraints(method)]),
        .. type.Methods.Where(method => method.HasBody).SelectMany(method => (IEnumerable<TypeReference?>)
        [
            .. method.Body.Variables.Select(variable => variable.VariableType),
            .. method.Body.ExceptionHandlers.Select(handler => handler.CatchType),
            .. method.Body.Instructions.SelectMany(Operands),
        ]),
    ];

    private static IEnumerable<TypeReference?> Operands(Instruction instruction) => instruction.Operand switch
    {
        TypeReference type => [type],
        FieldReference field => [field.DeclaringType, field.FieldType],
        GenericInstanceMethod method => [method.DeclaringType, .. Signature(method), .. method.GenericArguments],
        MethodReference method => [method.DeclaringType, .. Signature(method)],
        _ => [],
    };

    private static IEnumerable<TypeReference> Signature(MethodReference method) => [method.ReturnType, .. method.Parameters.Select(parameter => parameter.ParameterType)];

    private static IEnumerable<TypeReference> Constraints(IGenericParameterProvider owner) =>
        owner.GenericParameters.SelectMany(parameter => parameter.Constraints).Select(constraint => constraint.ConstraintType);

    private static IEnumerable<TypeReference> Attributes(ICustomAttributeProvider owner) => owner.CustomAttributes.SelectMany(attribute =>
        attribute.ConstructorArguments.Select(argument => argument.Value).OfType<TypeReference>().Prepend(attribute.AttributeType));

    /// <summary>A type without its arrays, references and the like, and its type arguments.</summary>
    private static IEnumerable<TypeReference> Parts(TypeReference? type) => type switch
    {
        null or GenericParameter => [],
        GenericInstanceType generic => [generic.ElementType, .. generic.GenericArguments.SelectMany(Parts)],
        TypeSpecification wrapped => Parts(wrapped.ElementType),
        _ => [type],
    };

    private static TypeReference Outermost(TypeReference type) => type.DeclaringType is null ? type : Outermost(type.DeclaringType);

    private static string? RoomOf(TypeReference type)
    {
        string[] names = Outermost(type).Namespace.Split('.');
        return names[0] != Engine ? null : names.Length == 1 ? s_rooms[0] : names[1];
    }
}
