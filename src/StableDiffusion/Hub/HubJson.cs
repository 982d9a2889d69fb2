using System.Text.Json.Serialization;

namespace StableDiffusion.Hub;

/// <summary>A file in a model's description.</summary>
/// <param name="Rfilename">Its path.</param>
/// <param name="Size">Its length; absent from hubs that do not support blobs.</param>
/// <param name="BlobId">The hash in git of the file, or of the pointer to it.</param>
/// <param name="Lfs">Its entry in the large-file store, if it is stored there.</param>
internal sealed record HubSiblingJson(string? Rfilename, long? Size, string? BlobId, HubLfsJson? Lfs);

/// <summary>An entry of a repository's tree.</summary>
/// <param name="Type"><c>file</c> or <c>directory</c>.</param>
/// <param name="Path">Its path.</param>
/// <param name="Size">Its length.</param>
/// <param name="Oid">The hash in git of the file, or of the pointer to it.</param>
/// <param name="Lfs">Its entry in the large-file store, if it is stored there.</param>
internal sealed record HubTreeEntryJson(string? Type, string? Path, long? Size, string? Oid, HubLfsJson? Lfs);

/// <summary>A file in the large-file store. Its hash is <c>sha256</c> in a model's description, and <c>oid</c> in a tree.</summary>
/// <param name="Sha256">Its SHA-256.</param>
/// <param name="Oid">Its SHA-256.</param>
/// <param name="Size">Its length.</param>
internal sealed record HubLfsJson(string? Sha256, string? Oid, long? Size);

/// <summary>The generated JSON serialization of the hub's responses.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(string))]
[JsonSerializable(typeof(HubSiblingJson))]
[JsonSerializable(typeof(HubTreeEntryJson))]
internal sealed partial class HubJson : JsonSerializerContext;
