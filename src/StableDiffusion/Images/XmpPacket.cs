using System.Text;
using System.Xml;

namespace StableDiffusion.Images;

/// <summary>Creates XMP packets with one text of this library.</summary>
internal static class XmpPacket
{
    /// <summary>The largest size of a packet in a JPEG file, whose segments are limited to 65533 bytes.</summary>
    public const int MaxLengthInJpeg = 65502;

    /// <summary>The namespace of this library's texts.</summary>
    public const string OwnNamespace = "urn:stablediffusion-powershell:1";

    private const string OwnPrefix = "sdps";
    private const string RdfNamespace = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";

    /// <summary>The identifier at the start of a packet in a JPEG file. Source: XMP specification, part 3.</summary>
    public static ReadOnlySpan<byte> Mark => "http://ns.adobe.com/xap/1.0/\0"u8;

    /// <summary>Creates a packet with one text.</summary>
    /// <param name="name">The text's name, letters and digits.</param>
    /// <param name="text">The text, without control characters.</param>
    /// <returns>The packet, in UTF-8.</returns>
    public static byte[] Create(string name, string text)
    {
        using MemoryStream packet = new();
        using (XmlWriter writer = XmlWriter.Create(packet, new XmlWriterSettings { Encoding = new UTF8Encoding(false), OmitXmlDeclaration = true }))
        {
            writer.WriteStartElement("x", "xmpmeta", "adobe:ns:meta/");
            writer.WriteStartElement("rdf", "RDF", RdfNamespace);
            writer.WriteStartElement("rdf", "Description", RdfNamespace);
            writer.WriteAttributeString("rdf", "about", RdfNamespace, string.Empty);
            writer.WriteElementString(OwnPrefix, name, OwnNamespace, text);
        }

        return packet.ToArray();
    }
}
