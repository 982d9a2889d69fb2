using System.Text.Json.Serialization;

namespace StableDiffusion.Storage;

/// <summary>What is known of a file that was read: its SHA-256, and how it looked then.</summary>
/// <param name="Length">Its length in bytes.</param>
/// <param name="Written">When it was last written to, in UTC.</param>
/// <param name="Hash">Its SHA-256 in hexadecimal digits.</param>
internal sealed record FileHash(long Length, DateTime Written, string Hash);

/// <summary>The cache's own files as JSON. Generated when compiled: reflection costs a cold start more than all else of a look-up.</summary>
[JsonSerializable(typeof(Dictionary<string, FileHash>))]
[JsonSerializable(typeof(Dictionary<string, long>))]
internal sealed partial class BuildJson : JsonSerializerContext;
